import Basics
import Telemetry

/// One notice as a mail: headers of RFC 5322, words beyond ASCII as RFC 2047 has them, a body in base64.
///
/// Nothing of a name reaches a header but inside base64: no name ends a line, whatever it contains.
struct MailMessage {
    let notice: AlertNotice
    let from: String
    let to: [String]
    /// A subject is cut there.
    private static let subjectBytesMax = 200

    /// With CR LF at the end of each line.
    var text: String {
        let domain =
            from.utf8.lastIndex(of: UInt8(ascii: "@")).map { String(from[from.utf8.index(after: $0)...]) }
            ?? "localhost"
        let thread = "<baotu.alert-\(notice.alertID).\(notice.since.milliseconds)@\(domain)>"
        let own = "<baotu.alert-\(notice.alertID).\(notice.at.milliseconds).\(notice.phase.rawValue)@\(domain)>"
        let headers = [
            "Date: \(Self.date(notice.at))", "From: Baotu <\(from)>", "To: \(to.joined(separator: ",\r\n "))",
            "Message-ID: \(own)",
            // All notices of one stretch of an alert answer the same, which no mail has: programs put them together by it
            // (RFC 5256, 2, step 1), and whoever joins later has what there is.
            "In-Reply-To: \(thread)", "References: \(thread)",
            "Subject: \(Self.encoded(subject))", "MIME-Version: 1.0", "Content-Type: text/plain; charset=utf-8",
            "Content-Transfer-Encoding: base64",
            // RFC 3834: holiday messages answer it as little as a mailing list.
            "Auto-Submitted: auto-generated",
        ]
        return (headers + ["", Self.lines(Base64.text(Array(body.utf8)))]).joined(separator: "\r\n") + "\r\n"
    }

    private var subject: String {
        let about =
            notice.group.map { "\($0.count) alerts, \($0.counts) \($0.name.isEmpty ? "" : "(\($0.name))")" }
            ?? "\(notice.rule) \(notice.isFlapping ? "flapping" : notice.phase.rawValue): \(notice.name)"
        return plainLine("[\(notice.severity.rawValue)] \(about)", bytesMax: Self.subjectBytesMax)
    }

    private var body: String {
        var lines = [notice.summary, ""]
        if let runbook = notice.runbook { lines += ["What to do: \(runbook)", ""] }
        if let group = notice.group {
            lines += group.listed.map {
                "[\($0.severity.rawValue)] \($0.phase.rawValue) \($0.name): \($0.sentence) (alert \($0.alertID))"
            }
            if group.count > group.listed.count { lines.append("and \(group.count - group.listed.count) more") }
            lines += ["", "The gravest of them:"]
        }
        lines += [
            "rule:      \(notice.rule)", "severity:  \(notice.severity.rawValue)",
            "phase:     \(notice.phase.rawValue)", "about:     \(notice.aboutKey) \(notice.name)",
        ]
        if let quantity = notice.quantity {
            lines.append("quantity:  \(quantity)" + (notice.channel.map { " (\($0))" } ?? ""))
        }
        if let value = notice.value, value.isFinite { lines.append("value:     \(value) \(notice.unit ?? "")") }
        lines += ["since:     \(notice.since)", "at:        \(notice.at)", "alert:     \(notice.alertID)"]
        return lines.map { plainLine($0, bytesMax: 16_384) }.joined(separator: "\r\n") + "\r\n"
    }

    /// Encoded words with whole characters, a line each; with the header's name before it a line has at most 76 signs (RFC 2047, 2).
    static func encoded(_ text: String) -> String {
        var words: [[UInt8]] = [[]]
        for scalar in text.unicodeScalars {
            let bytes = Array(UTF8.encode(scalar)!)
            if words[words.count - 1].count + bytes.count > 39 { words.append([]) }
            words[words.count - 1] += bytes
        }
        return words.map { "=?UTF-8?B?\(Base64.text($0))?=" }.joined(separator: "\r\n ")
    }

    /// RFC 5322, 3.3, in UTC.
    static func date(_ moment: Timestamp) -> String {
        let civil = CivilTime(moment)
        let days = moment.milliseconds.flooredDivision(by: 86_400_000)
        // 1970-01-01 was a Thursday.
        let weekday = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"][Int(((days % 7) + 7) % 7)]
        let month = [
            "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
        ][civil.month - 1]
        func two(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }
        return
            "\(weekday), \(civil.day) \(month) \(civil.year) \(two(civil.hour)):\(two(civil.minute)):\(two(civil.second)) +0000"
    }

    private static func lines(_ base64: String) -> String {
        var lines: [Substring] = []
        var rest = base64[...]
        while !rest.isEmpty {
            lines.append(rest.prefix(76))
            rest = rest.dropFirst(76)
        }
        return lines.joined(separator: "\r\n")
    }
}

/// RFC 4648, section 4.
enum Base64 {
    private static let digits = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)

    static func text(_ bytes: [UInt8]) -> String {
        var text: [UInt8] = []
        text.reserveCapacity((bytes.count + 2) / 3 * 4)
        for start in stride(from: 0, to: bytes.count, by: 3) {
            let three = bytes[start..<min(start + 3, bytes.count)]
            var bits = 0
            for index in 0..<3 { bits = bits << 8 | (index < three.count ? Int(three[start + index]) : 0) }
            for index in 0..<4 {
                text.append(index <= three.count ? digits[bits >> (18 - 6 * index) & 63] : UInt8(ascii: "="))
            }
        }
        return String(decoding: text, as: UTF8.self)
    }
}
