public import Basics

/// Nobody is told of some alerts until an end. The answer is the silence.
public struct SilenceOrder: Order {
    package typealias Answer = SilenceAnswer
    package static let route = Route(
        .post, "silences", [.rule, .device, .profile, .area, .circuit, .label, .begins, .lasting, .until, .by, .reason])
    package static let deed = "silence alerts"

    /// Which alerts are meant; at least one word.
    public var selection: SilenceSelection
    /// When it begins; nil: now.
    public var begins: Timestamp?
    /// When it ends.
    public var end: SilenceEnd
    /// As `AcknowledgeOrder.by`.
    public var by: String
    /// Why; at most `AcknowledgeOrder.noteBytesMax`.
    public var reason: String

    package init(
        selection: SilenceSelection, begins: Timestamp? = nil, end: SilenceEnd, by: String = "", reason: String
    ) {
        self.selection = selection
        self.begins = begins
        self.end = end
        self.by = by
        self.reason = reason
    }

    package init(_ form: Form) throws(Refusal) {
        selection = try SilenceSelection(form)
        begins = try form.moment(.begins)
        guard let end = try SilenceEnd(form) else {
            throw .wrong("for_ms, until: expected one of the two: nothing is silent for ever")
        }
        self.end = end
        by = try form.person()
        reason = try form.line(.reason, bytesMax: AcknowledgeOrder.noteBytesMax) ?? ""
        guard reason.contains(where: { !$0.isWhitespace }) else {
            throw .wrong("reason: expected why: whoever is on duty next will ask")
        }
        if case .after = end, begins != nil { throw .wrong("begins: expected until beside it, and no span") }
        if case .at(let moment) = end, let begins, begins >= moment {
            throw .wrong("begins, until: expected two times, the first one earlier")
        }
    }

    package func write(to form: inout Form) {
        selection.write(to: &form)
        form.write(begins, as: .begins)
        end.write(to: &form)
        form.write(by.isEmpty ? nil : by, as: .by)
        form.write(reason, as: .reason)
    }
}

/// A silence ends now. The answer is the silence as it is then.
public struct EndSilenceOrder: Order {
    package typealias Answer = SilenceAnswer
    package static let route = Route(.post, "silences/:id/end", [.by])
    package static let deed = "end a silence"

    /// As `SilenceAnswer.id`.
    public var silence: Int64
    /// As `AcknowledgeOrder.by`.
    public var by: String

    package init(silence: Int64, by: String = "") {
        self.silence = silence
        self.by = by
    }

    package init(_ form: Form) throws(Refusal) {
        silence = try form.id(of: "a silence")
        by = try form.person()
    }

    package func write(to form: inout Form) {
        form.write(silence, as: .id)
        form.write(by.isEmpty ? nil : by, as: .by)
    }
}

/// Which alerts a silence is about. What is nil does not matter; at least one is not.
public struct SilenceSelection: Codable, Hashable, Sendable {
    /// Name of the rule, `*` for any characters.
    public var rule: String?
    /// Name of the device, `*` for any characters.
    public var device: String?
    /// Name of a profile, letter for letter.
    public var profile: String?
    /// Of the roster, letter for letter.
    public var area: String?
    /// Of the roster, letter for letter.
    public var circuit: String?
    /// Of the roster, `name=value`, in the value `*` for any characters.
    public var label: String?

    /// Without arguments, for all alerts.
    public init(
        rule: String? = nil, device: String? = nil, profile: String? = nil, area: String? = nil, circuit: String? = nil,
        label: String? = nil
    ) {
        self.rule = rule
        self.device = device
        self.profile = profile
        self.area = area
        self.circuit = circuit
        self.label = label
    }

    init(_ form: Form) throws(Refusal) {
        func word(_ parameter: Parameter) throws(Refusal) -> String? { try form.line(parameter, bytesMax: 256) }
        self.init(
            rule: try word(.rule), device: try word(.device), profile: try word(.profile), area: try word(.area),
            circuit: try word(.circuit), label: try word(.label))
        if let sentence = mistake { throw .wrong(sentence) }
    }

    /// What is missing or wrong; nil for nothing.
    package var mistake: String? {
        if words.isEmpty {
            return "rule, device, profile, area, circuit, label: expected at least one; rule=* silences everything"
        }
        if let empty = words.first(where: { $0.value.isEmpty }) { return "\(empty.key): expected a name" }
        if let label, Self.split(label) == nil { return "label: '\(label)': expected name=value, as in the roster" }
        return nil
    }

    /// Those that are given, by their names.
    package var words: [(key: String, value: String)] {
        [
            ("rule", rule), ("device", device), ("profile", profile), ("area", area), ("circuit", circuit),
            ("label", label),
        ].compactMap { key, value in value.map { (key, $0) } }
    }

    /// nil where there is no name, or no value.
    package static func split(_ label: String) -> (name: String, value: String)? {
        guard let equals = label.firstIndex(of: "="), equals != label.startIndex else { return nil }
        return (String(label[..<equals]), String(label[label.index(after: equals)...]))
    }

    func write(to form: inout Form) {
        form.write(rule, as: .rule)
        form.write(device, as: .device)
        form.write(profile, as: .profile)
        form.write(area, as: .area)
        form.write(circuit, as: .circuit)
        form.write(label, as: .label)
    }

    enum CodingKeys: String, CodingKey { case rule, device, profile, area, circuit, label }
}

extension Parameter {
    fileprivate static let label = Parameter("label")
    fileprivate static let begins = Parameter("begins")
}
