import Basics
public import Telemetry

extension AlertNotice {
    /// The alerts that one message tells of, where they are more than one.
    public struct Group: Hashable, Sendable {
        /// What they have in common: `rule=device-silent area=West`; empty where that is nothing.
        public var name: String
        /// How many alerts.
        public var count: Int
        /// How many came into each phase; each alert once.
        public var phases: [AlertPhase: Int]
        /// Those that fire first, the graver first; not all where they are many.
        public var listed: [Member]

        package init(name: String, count: Int, phases: [AlertPhase: Int], listed: [Member]) {
            self.name = name
            self.count = count
            self.phases = phases
            self.listed = listed
        }

        /// As in `80 firing, 4 over`.
        package var counts: String {
            let words: [(AlertPhase, String)] = [
                (.firing, "firing"), (.unknown, "unknown"), (.resolved, "over"), (.inactive, "over"),
            ]
            return words.compactMap { phase, word in phases[phase].map { "\($0) \(word)" } }.joined(separator: ", ")
        }
    }

    /// One alert of several.
    public struct Member: Hashable, Sendable {
        /// As `AlertNotice.alertID`.
        public var alertID: Int64
        /// As `AlertNotice.name`.
        public var name: String
        /// As `AlertNotice.phase`.
        public var phase: AlertPhase
        /// As `AlertNotice.severity`.
        public var severity: Severity
        /// As `AlertNotice.sentence`.
        public var sentence: String

        package init(alertID: Int64, name: String, phase: AlertPhase, severity: Severity, sentence: String) {
            self.alertID = alertID
            self.name = name
            self.phase = phase
            self.severity = severity
            self.sentence = sentence
        }

        fileprivate var json: String {
            "{\"id\":\(alertID),\"name\":\(JSONText.quoted(name)),\"phase\":\(JSONText.quoted(phase.rawValue)),"
                + "\"severity\":\(JSONText.quoted(severity.rawValue)),\"sentence\":\(JSONText.quoted(sentence))}"
        }
    }

    /// All of it in one line.
    public var summary: String {
        if let group {
            let common = group.name.isEmpty ? "" : " (\(group.name))"
            let told = sentence.hasPrefix("\(name): ") ? sentence : "\(name): \(sentence)"
            return "\(group.count) alerts\(common): \(group.counts); the gravest: \(told)"
        }
        guard isFlapping else { return sentence }
        return "\(sentence); this alert begins and ends again and again, and is told of again once it is quiet"
    }

    /// Fields of the JSON that only some notices have.
    var fieldsOfFew: [String] {
        var fields: [String] = []
        if isFlapping { fields.append("\"flapping\":true") }
        if let runbook { fields.append("\"runbook\":\(JSONText.quoted(runbook))") }
        if let group {
            let counts = group.phases.sorted { $0.key.rawValue < $1.key.rawValue }
                .map { "\(JSONText.quoted($0.key.rawValue)):\($0.value)" }
            fields.append(
                "\"group\":{\"name\":\(JSONText.quoted(group.name)),\"count\":\(group.count),"
                    + "\"phases\":{\(counts.joined(separator: ","))},"
                    + "\"listed\":[\(group.listed.map(\.json).joined(separator: ","))]}")
        }
        if group != nil || isFlapping { fields.append("\"summary\":\(JSONText.quoted(summary))") }
        return fields
    }
}
