public import Basics
public import Contract
import Telemetry

extension Archive {
    /// Why an alert is as it is, as far as the store tells. Throws `.noSuchAlert`.
    public func why(_ id: Int64, at now: Timestamp) throws(StoreError) -> WhyAnswer {
        var answer = WhyAnswer(story: try alert(id, at: now))
        let alert = answer.story.alert
        let newest = try withSnapshot { connection throws(StoreError) in
            try Schema.version(of: connection) < 7
                ? nil : try connection.integer("SELECT max(id) FROM incident WHERE alert = ?", .integer(id))
        }
        if let newest { answer.incident = try incident(newest, at: now).incident }
        let began = answer.incident?.began ?? alert.since
        try tellRule(of: alert, began: began, in: &answer)
        try tellCauses(of: alert, id, at: now, in: &answer)
        answer.measured = try measured(alert, answer.incident, at: now)
        answer.alike = try alike(alert, answer.incident, at: now)
        return answer
    }

    // MARK: The rule, and what else changed

    /// What changed longer before it is hardly why.
    private static let changesSpan = Duration.seconds(7 * 86_400)
    private static let changesMax = 5

    private func tellRule(of alert: AlertAnswer, began: Timestamp, in answer: inout WhyAnswer) throws(StoreError) {
        let (texts, runs) = try withSnapshot { connection throws(StoreError) in
            (
                try self.texts(ofRule: alert.rule, connection),
                try self.runs(since: began - Self.changesSpan, until: began + .milliseconds(1), connection)
            )
        }
        // One that was put in force later than the incident began has judged what was known.
        let place = texts.lastIndex { $0.since <= began } ?? texts.indices.first
        if let place, !texts[place].text.isEmpty {
            answer.rule = .init(
                since: texts[place].since, text: texts[place].text,
                changedAt: texts[texts.count - 1].text == texts[place].text ? nil : texts[place + 1].since)
        }
        var changes: [WhyAnswer.Change] = []
        for (index, text) in texts.enumerated() where text.since <= began && text.since >= began - Self.changesSpan {
            // The first text of a rule is no change where the gateway began to keep them.
            let what = text.text.isEmpty ? "taken out" : index == 0 ? "first seen" : "changed"
            changes.append(.init(at: text.since, kind: "rule", sentence: "rule \(alert.rule) \(what)"))
        }
        for (index, run) in runs.enumerated() where run.began >= began - Self.changesSpan {
            changes.append(
                .init(
                    at: run.began, kind: "gateway", sentence: Self.words(run, after: index > 0 ? runs[index - 1] : nil))
            )
        }
        answer.changes = Array(changes.sorted { $0.at > $1.at }.prefix(Self.changesMax))
    }

    private static func words(_ run: RunAnswer, after before: RunAnswer?) -> String {
        guard let before else { return "the gateway started (\(run.version))" }
        let version = before.version == run.version ? "" : ", \(before.version) to \(run.version)"
        let how = before.isInOrder ? "" : " after it broke off"
        guard let ended = before.ended, run.began > ended else { return "the gateway restarted\(how)\(version)" }
        return "the gateway restarted\(how), away for \(atLeastTwo(run.began - ended))\(version)"
    }

    // MARK: What explains it, and what it explains

    private func tellCauses(
        of alert: AlertAnswer, _ id: Int64, at now: Timestamp, in answer: inout WhyAnswer
    ) throws(StoreError) {
        let reason = Hold.Reason.cause.rawValue
        let (cause, children) = try withSnapshot { connection throws(StoreError) in
            var (cause, children): (String?, [Int64]) = (nil, [])
            guard try Schema.version(of: connection) >= 10 else { return (cause, children) }
            try connection.rows(
                "SELECT detail FROM standing WHERE alert = ? AND hold = ? LIMIT 1", .integer(id), .text(reason)
            ) { row throws(StoreError) in cause = row.text("detail") }
            try connection.rows(
                "SELECT DISTINCT alert FROM standing WHERE hold = ? AND detail = ? ORDER BY alert DESC", .text(reason),
                .text("\(alert.rule) \(alert.about)")
            ) { row throws(StoreError) in children.append(row.integer("alert")) }
            return (cause, children)
        }
        (answer.cause, answer.childrenInAll) = (cause, children.count)
        guard !children.isEmpty else { return }
        answer.children = try alerts(numbered: Array(children.prefix(WhyAnswer.childrenMax)), at: now)
    }

    // MARK: What was measured

    private static let buckets = 48
    private static let leadMin = Duration.seconds(600)
    private static let leadMax = Duration.seconds(86_400)

    /// The series before and during the incident, as long before as it lasted: at least ten minutes, at most a day.
    private func measured(
        _ alert: AlertAnswer, _ incident: IncidentAnswer?, at now: Timestamp
    ) throws(StoreError) -> HistoryAnswer? {
        guard let device = alert.device, let quantity = alert.quantity else { return nil }
        let began = incident?.began ?? alert.since
        // What is to come was not measured.
        let end = max(began, min(now, max(incident?.ended ?? now, began + .seconds(60))))
        let lead = min(max(end - began, Self.leadMin), Self.leadMax)
        let since = max(began - lead, Timestamp(milliseconds: 0))
        let step = max(1, (end - since).milliseconds / Int64(Self.buckets) / 1000)
        return try history(
            HistoryRequest(
                device: device, quantity: quantity, channel: alert.channel ?? "", since: since, until: end,
                step: .seconds(step)))
    }

    // MARK: The others

    private func alike(
        _ alert: AlertAnswer, _ incident: IncidentAnswer?, at now: Timestamp
    ) throws(StoreError) -> WhyAnswer.Alike? {
        let all = try devices(at: now)
        let own = alert.device.flatMap { name in all.first { ByteName($0.device) == ByteName(name) } }
        let circuit = own?.circuit ?? incident?.circuit ?? ""
        let area = own?.area ?? incident?.area ?? ""
        func others(_ kind: String, _ name: String, _ isOne: (DeviceAnswer) -> Bool) -> (
            String, String, [DeviceAnswer]
        )? {
            guard !name.isEmpty else { return nil }
            let found = all.filter { $0.device != alert.device && isOne($0) }
            return found.isEmpty ? nil : (kind, name, found)
        }
        // What a circuit or an area has is told of it already: the rest of its area stands beside it.
        let isOfCircuit = alert.device == nil && alert.subject == "circuit"
        let found =
            isOfCircuit
            ? others("area", area) { $0.area == area && $0.circuit != alert.name }
            : others("circuit", circuit) { $0.circuit == circuit } ?? others("area", area) { $0.area == area }
                ?? others("profile", own?.profile ?? "") { $0.profile == own?.profile }
        guard let (kind, name, devices) = found else { return nil }
        var health: [String: Int] = [:]
        for device in devices { health[device.health.rawValue, default: 0] += 1 }
        return WhyAnswer.Alike(
            kind: kind, name: name, devices: devices.count, health: health,
            values: try values(alert, of: Set(devices.map { ByteName($0.device) })))
    }

    private func values(
        _ alert: AlertAnswer, of devices: Set<ByteName>
    ) throws(StoreError) -> WhyAnswer.Alike.Values? {
        guard let quantity = alert.quantity else { return nil }
        let rows = try latest(DeviceFilter(quantity: quantity)).filter {
            devices.contains(ByteName($0.device)) && $0.channel == alert.channel && !$0.value.isNaN
        }
        let values = rows.map(\.value).sorted()
        guard let first = values.first, let last = values.last, let unit = rows.first?.unit else { return nil }
        let middle = values.count / 2
        let median = values.count % 2 == 1 ? values[middle] : (values[middle - 1] + values[middle]) / 2
        return .init(count: values.count, min: first, median: median, max: last, unit: unit)
    }
}
