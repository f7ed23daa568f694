import Basics
import Foundation
import FoundationXML
import Telemetry
import Testing

@testable import Notification

@Suite("Forms of a notice")
struct FormatTests {
    private func object(_ text: String) throws -> Any {
        try JSONSerialization.jsonObject(with: Data(text.utf8), options: .fragmentsAllowed)
    }

    private func template(_ text: String) throws -> NoticeFormat { .template(try NoticeTemplate(text)) }

    @Test("Alertmanager is told labels that do not change, and an end that has come")
    func alertmanager() throws {
        func alert(_ phase: AlertPhase) throws -> [String: Any] {
            let list = try #require(
                try object(NoticeFormat.alertmanager.body(notice(phase: phase, value: 1.5, unit: "W")))
                    as? [[String: Any]])
            #expect(list.count == 1)
            return list[0]
        }
        let (firing, resolved) = (try alert(.firing), try alert(.resolved))
        let labels = try #require(firing["labels"] as? [String: String])
        #expect(labels == ["alertname": "lamp-out", "severity": "warning", "subject": "device", "name": "lamp-1"])
        #expect(resolved["labels"] as? [String: String] == labels)
        #expect(firing["startsAt"] as? String == "2026-03-05T10:14:00.250Z")
        #expect(firing["endsAt"] as? String == "2027-03-06T10:15:00Z")
        #expect(resolved["endsAt"] as? String == "2026-03-05T10:15:00Z")
        let annotations = try #require(resolved["annotations"] as? [String: String])
        #expect(annotations["summary"] == "lamp-1 is out" && annotations["phase"] == "resolved")
        #expect(annotations["value"] == "1.5" && annotations["unit"] == "W")
    }

    @Test("Alertmanager is told the end of what it was told, where the severity changes in between")
    func alertmanagerLadder() throws {
        func alerts(_ phase: AlertPhase, _ severity: Severity, told: Severity?) throws -> [String] {
            var told = told
            var step = notice(phase: phase, severity: severity)
            swap(&step.toldSeverity, &told)
            let list = try #require(try object(NoticeFormat.alertmanager.body(step)) as? [[String: Any]])
            return try list.map { alert in
                let labels = try #require(alert["labels"] as? [String: String])
                let isOver = alert["endsAt"] as? String == "2026-03-05T10:15:00Z"
                return "\(labels["severity"] ?? "") \(isOver ? "over" : "up")"
            }
        }
        #expect(try alerts(.firing, .warning, told: nil) == ["warning up"])
        #expect(try alerts(.unknown, .warning, told: .warning) == ["warning up"])
        #expect(try alerts(.firing, .critical, told: .warning) == ["warning over", "critical up"])
        #expect(try alerts(.resolved, .critical, told: .critical) == ["critical over"])
        // That it became less grave was not told.
        #expect(try alerts(.resolved, .warning, told: .critical) == ["critical over"])
        #expect(try alerts(.firing, .warning, told: .critical) == ["critical over", "warning up"])
    }

    @Test("a message about several alerts says how many, which is the gravest, and what is to be done")
    func several() throws {
        var told = notice(severity: .critical)
        told.runbook = "call {the} \"grid\""
        told.group = AlertNotice.Group(
            name: "rule=lamp-out area=West", count: 84, phases: [.firing: 80, .resolved: 3, .unknown: 1],
            listed: [
                AlertNotice.Member(
                    alertID: 7, name: "lamp-1", phase: .firing, severity: .critical, sentence: "lamp-1 is out"),
                AlertNotice.Member(
                    alertID: 8, name: "a\r\nBcc: x", phase: .resolved, severity: .warning, sentence: "it is back"),
            ])
        let words =
            "84 alerts (rule=lamp-out area=West): 80 firing, 1 unknown, 3 over; the gravest: lamp-1: lamp-1 is out"
        #expect(told.summary == words)
        let own = try #require(try object(told.json) as? [String: Any])
        #expect(own["summary"] as? String == words && own["runbook"] as? String == "call {the} \"grid\"")
        let group = try #require(own["group"] as? [String: Any])
        #expect(group["count"] as? Int == 84 && (group["phases"] as? [String: Int])?["firing"] == 80)
        #expect((group["listed"] as? [[String: Any]])?.map { $0["id"] as? Int } == [7, 8])
        #expect(
            try template(#"{"t": "{summary}", "n": {count}, "r": {runbook}}"#).body(told)
                == #"{"t": "\#(words)", "n": 84, "r": "call {the} \"grid\""}"#)
        #expect(try template(#"{"n": {count}, "r": {runbook}}"#).body(notice()) == #"{"n": 1, "r": null}"#)
        let mail = MailMessage(notice: told, from: "baotu@city.example", to: ["duty@city.example"]).text
        let parts = mail.components(separatedBy: "\r\n\r\n")
        let body = String(
            decoding: try #require(Data(base64Encoded: parts[1], options: .ignoreUnknownCharacters)), as: UTF8.self)
        #expect(body.contains("What to do: call {the} \"grid\"\r\n"))
        #expect(body.contains("[critical] firing lamp-1: lamp-1 is out (alert 7)\r\n"))
        #expect(body.contains("and 82 more\r\n"))
        #expect(!body.contains("\nBcc"))
        #expect(!parts[0].contains("Bcc"))
        var flapping = notice()
        flapping.isFlapping = true
        #expect(flapping.summary.hasPrefix("lamp-1 is out; this alert begins and ends again and again"))
        #expect(flapping.json.contains("\"flapping\":true"))
    }

    @Test("a template is filled with whole values outside of quotation marks and with texts inside")
    func template() throws {
        let format = try template(
            #"{"id": {id}, "v": {value}, "u": {unit}, "s": "{severity}: {sentence} {value}{unit}", "n": {name}, "b": "\u007bx} {X}"}"#
        )
        #expect(format.contentType == "application/json")
        #expect(
            format.body(notice(name: "a \"b\"", value: 21.5, unit: "W"))
                == #"{"id": 7, "v": 21.5, "u": "W", "s": "warning: lamp-1 is out 21.5W", "n": "a \"b\"", "b": "\u007bx} {X}"}"#
        )
        #expect(
            format.body(notice())
                == #"{"id": 7, "v": null, "u": null, "s": "warning: lamp-1 is out ", "n": "lamp-1", "b": "\u007bx} {X}"}"#
        )
        #expect(throws: NoticeTemplate.Fault.self) { try NoticeTemplate("{\"a\": \"{nmae}\"}") }
    }

    @Test("no name changes the JSON around it", arguments: hostileNames)
    func hostileJSON(name: String) throws {
        let told = notice(name: name, sentence: "\(name) is out")
        let own = try #require(try object(told.json) as? [String: Any])
        #expect(own["device"] as? String == name && own["id"] as? Int == 7)
        let list = try #require(try object(NoticeFormat.alertmanager.body(told)) as? [[String: Any]])
        #expect(list.count == 1 && (list[0]["labels"] as? [String: String])?["name"] == name)
        let filled = try #require(
            try object(try template(#"{"n": "<{name}>", "s": {sentence}, "z": 1}"#).body(told)) as? [String: Any])
        #expect(filled["n"] as? String == "<\(name)>" && filled["s"] as? String == "\(name) is out")
        #expect(filled.count == 3 && filled["z"] as? Int == 1)
    }

    /// What a parser of XML makes of a message: the text of each element, by name.
    private final class Elements: NSObject, XMLParserDelegate {
        var texts: [String: [String]] = [:]
        private var text = ""
        func parser(
            _ parser: XMLParser, didStartElement name: String, namespaceURI: String?, qualifiedName: String?,
            attributes: [String: String]
        ) { text = "" }
        func parser(_ parser: XMLParser, foundCharacters string: String) { text += string }
        func parser(_ parser: XMLParser, didEndElement name: String, namespaceURI: String?, qualifiedName: String?) {
            texts[name, default: []].append(text)
        }
    }

    private func elements(_ xml: String) throws -> [String: [String]] {
        let parser = XMLParser(data: Data(xml.utf8))
        let elements = Elements()
        parser.delegate = elements
        #expect(parser.parse(), "\(String(describing: parser.parserError)) in \(xml)")
        return elements.texts
    }

    @Test("a CAP message has what the standard asks for, and an end names its beginning")
    func cap() throws {
        let format = NoticeFormat.cap(CAPOptions(sender: "baotu@city.example"))
        #expect(format.contentType == "application/cap+xml")
        let firing = try elements(format.body(notice()))
        #expect(firing["sender"] == ["baotu@city.example"] && firing["status"] == ["Actual"])
        #expect(firing["msgType"] == ["Alert"] && firing["scope"] == ["Restricted"] && firing["references"] == nil)
        #expect(firing["restriction"]?.count == 1 && firing["category"] == ["Infra"] && firing["event"] == ["lamp-out"])
        #expect(firing["urgency"] == ["Expected"] && firing["severity"] == ["Moderate"])
        #expect(firing["certainty"] == ["Observed"] && firing["areaDesc"] == ["lamp-1"])
        #expect(firing["sent"] == ["2026-03-05T10:14:00-00:00"])
        let resolved = try elements(format.body(notice(phase: .resolved)))
        #expect(resolved["msgType"] == ["Cancel"] && resolved["sent"] == ["2026-03-05T10:15:00-00:00"])
        let beginning = [firing["sender"]![0], firing["identifier"]![0], firing["sent"]![0]].joined(separator: ",")
        #expect(resolved["references"] == [beginning] && resolved["identifier"] != firing["identifier"])
        let unknown = try elements(format.body(notice(phase: .unknown, severity: .critical, quantity: "pm2_5")))
        #expect(unknown["msgType"] == ["Update"] && unknown["category"] == ["Env"] && unknown["severity"] == ["Severe"])
        let open = try elements(
            NoticeFormat.cap(CAPOptions(sender: "a", isPublic: true)).body(notice(severity: .critical)))
        #expect(open["scope"] == ["Public"] && open["restriction"] == nil && open["urgency"] == ["Immediate"])
    }

    @Test("no name changes the XML around it", arguments: hostileNames)
    func hostileXML(name: String) throws {
        let found = try elements(
            NoticeFormat.cap(CAPOptions(sender: "a")).body(notice(name: name, sentence: "\(name) is out")))
        #expect(found["areaDesc"]?.count == 1 && found["description"]?.count == 1 && found["alert"]?.count == 1)
        if name.unicodeScalars.allSatisfy({ $0.value >= 0x20 }) { #expect(found["areaDesc"] == [name]) }
    }

    @Test("no name adds a line to a mail's headers, and its body is read back", arguments: hostileNames)
    func hostileMail(name: String) throws {
        let text = MailMessage(
            notice: notice(name: name, sentence: "\(name) is out"), from: "a@b.example", to: ["c@d.example", "e@f"]
        ).text
        #expect(text.unicodeScalars.allSatisfy { $0.isASCII })
        let parts = text.components(separatedBy: "\r\n\r\n")
        #expect(parts.count == 2)
        let lines = parts[0].components(separatedBy: "\r\n")
        let names = lines.filter { !$0.hasPrefix(" ") }.map { $0.prefix { $0 != ":" } }
        #expect(
            names == [
                "Date", "From", "To", "Message-ID", "In-Reply-To", "References", "Subject", "MIME-Version",
                "Content-Type",
                "Content-Transfer-Encoding", "Auto-Submitted",
            ])
        #expect(lines.allSatisfy { $0.utf8.count <= 78 } && !parts[0].contains { "\r\n".contains($0) && $0 == "\r" })
        let body = try #require(Data(base64Encoded: parts[1].filter { !$0.isNewline }))
        #expect(String(decoding: body, as: UTF8.self).hasPrefix(plainLine("\(name) is out", bytesMax: 16_384)))
    }

    @Test("a mail is dated by its step, has a name of its own and answers what all of its alert answer")
    func mail() {
        let text = MailMessage(notice: notice(), from: "a@b.example", to: ["c@d.example"]).text
        #expect(text.contains("\r\nMessage-ID: <baotu.alert-7.1772705700000.firing@b.example>\r\n"))
        #expect(text.contains("\r\nIn-Reply-To: <baotu.alert-7.1772705640250@b.example>\r\n"))
        #expect(text.hasPrefix("Date: Thu, 5 Mar 2026 10:15:00 +0000\r\n"))
        #expect(MailMessage.date(Timestamp(milliseconds: -1)) == "Wed, 31 Dec 1969 23:59:59 +0000")
        #expect(MailMessage.encoded("灯") == "=?UTF-8?B?54Gv?=")
    }

    @Test("base64 is what others have", arguments: 0...70)
    func base64(count: Int) {
        let bytes = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 37 &+ count) }
        #expect(Base64.text(bytes) == Data(bytes).base64EncodedString())
    }
}
