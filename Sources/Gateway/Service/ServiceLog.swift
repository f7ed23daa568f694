import Basics
import Glibc
package import Logging
import Synchronization
import Telemetry

/// Writes log lines to standard error: a fixed sentence, then what varies as `key=value`.
///
/// Under systemd each line begins with its priority (`<4>`) and no time, for the journal adds its own; elsewhere with
/// the time.
package struct ServiceLogHandler: LogHandler {
    package var logLevel: Logger.Level = .info
    package var metadata: Logger.Metadata = [:]
    private let isForJournal: Bool

    package init(isForJournal: Bool) { self.isForJournal = isForJournal }

    package subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    package func log(event: LogEvent) {
        var line = isForJournal ? "<\(event.level.journalPriority)>" : "\(Self.now()) \(event.level.rawValue) "
        line += Self.plain("\(event.message)")
        let all = metadata.merging(event.metadata ?? [:]) { $1 }
        for (key, value) in all.sorted(by: { $0.key < $1.key }) {
            let text = "\(value)"
            line += " \(key)=\(Self.field(text))"
        }
        // One write a line, so that lines of several threads do not mix.
        // Not through FileHandle: where nobody reads any more (EPIPE) or the disk is full its write ends the process.
        let bytes = Array((line + "\n").utf8)
        _ = write(STDERR_FILENO, bytes, bytes.count)
    }

    /// One field whatever is in it: names of devices are chosen by strangers.
    package static func field(_ text: String) -> String {
        let isPlain =
            !text.isEmpty
            && text.unicodeScalars.allSatisfy {
                $0 != " " && $0 != "=" && $0 != "\"" && $0 != "\\" && $0.value != 0xA0 && !$0.isSteering
            }
        if isPlain { return text }
        var quoted = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"", "\\": quoted += "\\\(scalar)"
            case "\n": quoted += " | "
            case _ where scalar.isSteering:
                quoted += "\\u{\(String(scalar.value, radix: 16))}"
            default: quoted.unicodeScalars.append(scalar)
            }
        }
        return quoted + "\""
    }

    /// A sentence that may have a name in it.
    private static func plain(_ text: String) -> String {
        guard text.unicodeScalars.contains(where: \.isSteering) else { return text }
        var plain = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\n": plain += " | "
            case _ where scalar.isSteering: plain += "\\u{\(String(scalar.value, radix: 16))}"
            default: plain.unicodeScalars.append(scalar)
            }
        }
        return plain
    }

    static func now() -> Timestamp {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return Timestamp(milliseconds: Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000)
    }
}

extension Logger.Level {
    /// Priorities of syslog (RFC 5424), which the journal understands.
    fileprivate var journalPriority: Int {
        switch self {
        case .trace, .debug: 7
        case .info: 6
        case .notice: 5
        case .warning: 4
        case .error: 3
        case .critical: 2
        }
    }
}
