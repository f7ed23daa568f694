import Basics
import Contract
import FoundationEssentials

/// What matters of a mosquitto configuration: settings by which the broker loses messages without a word, and who may read its
/// passwords.
struct MosquittoSettings: Equatable {
    /// In mosquitto's own words, the last line of each name.
    private var values: [String: String] = [:]

    /// nil when none of the files can be read. Follows `include_dir`.
    init?(files: [String]) {
        var isAny = false
        for file in files {
            guard let text = try? String(contentsOfFile: file, encoding: .utf8) else { continue }
            isAny = true
            read(text)
        }
        guard isAny else { return nil }
    }

    init(text: String) { read(text) }

    private mutating func read(_ text: String) {
        for line in text.split(whereSeparator: \.isNewline) {
            let words = line.split(separator: " ", maxSplits: 1).map { Self.trimmed($0) }
            guard let name = words.first, !name.hasPrefix("#") else { continue }
            let value = words.count > 1 ? words[1] : ""
            if name == "include_dir" {
                let names = (try? FileManager.default.contentsOfDirectory(atPath: value)) ?? []
                for file in names.sorted() where file.hasSuffix(".conf") {
                    if let text = try? String(contentsOfFile: "\(value)/\(file)", encoding: .utf8) { read(text) }
                }
            } else {
                values[name] = value
            }
        }
    }

    private static func trimmed(_ text: Substring) -> String {
        func isBlank(_ character: Character) -> Bool { character == " " || character == "\t" }
        let rest = text.drop(while: isBlank)
        return rest.lastIndex { !isBlank($0) }.map { String(rest[...$0]) } ?? ""
    }

    /// Where it says how many seconds pass, at most, between two times that the broker writes down what it keeps.
    static let autosaveSecondsMax = 60
    /// As the shipped settings have it; `Config/mosquitto/mosquitto.conf` says why.
    static let autosaveSeconds = 5

    /// Of its users; nil where it has none.
    var passwordFile: String? { values["password_file"] }
    /// Whether the number of messages that wait for a client has no limit.
    var isQueueUnlimited: Bool { values["max_queued_messages"] == "0" }

    /// What the settings let get lost. A session that was lost is told with what the settings say of the reason: one finding,
    /// for "nothing is lost" beside it would be wrong.
    func findings(sessionExpiry: Duration, sessionWasLost: Bool = false) -> [Diagnosis] {
        var findings: [Diagnosis] = []
        func tell(_ level: Diagnosis.Level, _ finding: String, _ mend: String) {
            findings.append(Diagnosis(check: "broker", level: level, finding: finding, mend: mend))
        }
        let queued = values["max_queued_messages"].flatMap { Int($0) } ?? 1000
        if queued != 0, queued < 100_000 {
            tell(
                .bad,
                "the broker keeps at most \(queued) messages for the gateway and drops the others without a word, although their senders are told that they arrived",
                "set max_queued_messages 100000000 and a max_queued_bytes that fits the memory in the broker's configuration"
            )
        }
        if sessionWasLost {
            findings.append(lostSession())
        } else if values["persistence"] != "true" {
            tell(
                .bad, "the broker keeps nothing over its own restart: messages and the gateway's session are lost then",
                "set persistence true in the broker's configuration")
        }
        if !sessionWasLost, values["persistence"] == "true", let often = autosave.rarely {
            tell(
                .warning,
                "the broker writes down what it keeps \(often): when it dies, what it acknowledged to devices since then and the gateway had not taken is lost",
                "set autosave_interval \(Self.autosaveSeconds) and autosave_on_changes false in the broker's configuration"
            )
        }
        if let text = values["persistent_client_expiration"], let kept = Self.span(text), kept < sessionExpiry {
            tell(
                .warning, "the broker forgets a session after \(text), sooner than the gateway asks for",
                "set persistent_client_expiration \(max(1, sessionExpiry.milliseconds / 86_400_000))d in the broker's configuration"
            )
        }
        if findings.isEmpty {
            findings.append(
                Diagnosis(
                    check: "broker", level: .good, finding: "the broker's queue and persistence settings lose nothing"))
        }
        return findings
    }

    /// With what the settings say of the reason. Persistence alone does not keep a session over a kill or a power failure:
    /// mosquitto writes its store every `autosave_interval` (by default 1800 s) and when it ends in order.
    private func lostSession() -> Diagnosis {
        guard values["persistence"] == "true" else {
            return Self.lostSession(
                "set persistence true in the broker's configuration", "it keeps nothing over its own restart")
        }
        let (often, rarely) = autosave
        return Self.lostSession(
            rarely == nil
                ? "find out what ended the broker (its log, journalctl -u mosquitto), and that it runs with these files"
                : "set autosave_interval \(Self.autosaveSeconds) and autosave_on_changes false in the broker's configuration, and find out what ended it",
            "its files have persistence true, and it writes what it keeps \(often): most likely it was killed in between"
        )
    }

    /// How often the broker writes down what it keeps; said once more where that is rare.
    private var autosave: (often: String, rarely: String?) {
        let interval = values["autosave_interval"].flatMap { Int($0) } ?? 1800
        let countsChanges = values["autosave_on_changes"] == "true"
        let often =
            interval == 0
            ? "only when it ends in order" : countsChanges ? "every \(interval) changes" : "every \(interval) s"
        let isOften = (1...Self.autosaveSecondsMax).contains(interval) && (!countsChanges || interval == 1)
        return (often, isOften ? nil : often)
    }

    /// The broker was there again and knew nothing of the gateway.
    static func lostSession(_ mend: String, _ reason: String) -> Diagnosis {
        Diagnosis(
            check: "broker", level: .bad,
            finding: "the broker had forgotten the gateway's session: what came meanwhile is lost; \(reason)",
            mend: mend)
    }

    /// Mosquitto's spans: a number and one of h, d, w, m (months) and y.
    private static func span(_ text: String) -> Duration? {
        guard let unit = text.last, let number = Int64(text.dropLast()), number >= 0, number < 10_000 else {
            return nil
        }
        let hours: [Character: Int64] = ["h": 1, "d": 24, "w": 168, "m": 720, "y": 8760]
        return hours[unit].map { .seconds(number * $0 * 3600) }
    }
}
