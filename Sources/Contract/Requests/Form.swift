import Basics
import Telemetry

/// The parameters of a request as text, with what reads and writes each kind of value.
package struct Form: Hashable, Sendable {
    private var texts: [Parameter: String] = [:]

    /// Without parameters, to be written.
    init() {}

    /// Reads `/v1/alerts/7?by=kim`.
    ///
    /// Throws `.wrong` for a parameter that the route does not know, and for one that is given twice: neither may pass
    /// unseen, or `?aera=Lixia` would answer with all areas.
    init(target: String, on route: Route) throws(Refusal) {
        let target = target.prefix { $0 != "#" }
        let mark = target.utf8.firstIndex(of: UInt8(ascii: "?")) ?? target.endIndex
        try read(path: target[..<mark], route)
        guard mark < target.endIndex else { return }
        for item in target[target.utf8.index(after: mark)...].utf8.split(separator: UInt8(ascii: "&")) {
            let equals = item.firstIndex(of: UInt8(ascii: "=")) ?? item.endIndex
            let (name, value) = (item[..<equals], item[equals...].dropFirst())
            let parameter = try Self.parameter(
                named: PercentText.decoded(name) ?? String(decoding: name, as: UTF8.self), on: route)
            guard texts[parameter] == nil else { throw .wrong("\(parameter): given twice; expected it once") }
            texts[parameter] = try Self.decoded(value, of: parameter)
        }
    }

    private mutating func read(path: Substring, _ route: Route) throws(Refusal) {
        let parts = path.utf8.split(separator: UInt8(ascii: "/"))
        guard parts.count == route.parts.count else { throw .notFound("there is no such route") }
        for (part, text) in zip(route.parts, parts) {
            switch part {
            case .word(let word):
                guard PercentText.decoded(text) == word else { throw .notFound("there is no such route") }
            case .value(let parameter): texts[parameter] = try Self.decoded(text, of: parameter)
            }
        }
    }

    private static func decoded(_ text: Substring.UTF8View, of parameter: Parameter) throws(Refusal) -> String {
        guard let decoded = PercentText.decoded(text) else {
            throw .wrong(
                "\(parameter): '\(String(decoding: text, as: UTF8.self))': expected UTF-8 with % and two digits for a byte"
            )
        }
        return decoded
    }

    private static func parameter(named name: String, on route: Route) throws(Refusal) -> Parameter {
        if let known = route.parameters.first(where: { $0.name == name }) { return known }
        let names = route.parameters.map(\.name)
        let hint =
            nearest(to: name, in: names).map { "did you mean '\($0)'?" }
            ?? (names.isEmpty ? "there is none here" : "there are \(names.joined(separator: ", "))")
        throw .wrong("\(name): there is no such parameter; \(hint)")
    }

    /// With the parameters in the order of the route.
    func target(on route: Route) -> String {
        var target = ""
        for part in route.parts {
            switch part {
            case .word(let word): target += "/" + word
            case .value(let parameter): target += "/" + PercentText.encoded(texts[parameter] ?? "")
            }
        }
        var mark = "?"
        for parameter in route.parameters {
            guard let text = texts[parameter] else { continue }
            target += "\(mark)\(parameter)=\(PercentText.encoded(text))"
            mark = "&"
        }
        return target
    }
}

// MARK: Values

extension Form {
    /// nil leaves the parameter out.
    mutating func write(_ text: String?, as parameter: Parameter) { texts[parameter] = text }

    mutating func write(_ number: (some BinaryInteger)?, as parameter: Parameter) {
        texts[parameter] = number.map { "\($0)" }
    }

    mutating func write(_ moment: Timestamp?, as parameter: Parameter) { texts[parameter] = moment?.description }

    mutating func write(_ span: Duration?, as parameter: Parameter) {
        texts[parameter] = span.map { "\($0.milliseconds)" }
    }

    mutating func write<Word: RawRepresentable>(_ word: Word?, as parameter: Parameter) where Word.RawValue == String {
        texts[parameter] = word?.rawValue
    }

    /// Leaves out what is false.
    mutating func write(_ flag: Bool, as parameter: Parameter) { texts[parameter] = flag ? "true" : nil }

    func text(_ parameter: Parameter) -> String? { texts[parameter] }

    func milliseconds(_ parameter: Parameter) throws(Refusal) -> Duration? {
        guard let text = texts[parameter] else { return nil }
        guard let number = Int64(text), number > 0 else {
            throw .wrong("\(parameter): '\(text)': expected milliseconds above 0")
        }
        return .milliseconds(number)
    }

    func integer(_ parameter: Parameter, in range: ClosedRange<Int>) throws(Refusal) -> Int? {
        guard let text = texts[parameter] else { return nil }
        guard let number = Int(text), range.contains(number) else {
            throw .wrong(
                "\(parameter): '\(text)': expected a number from \(range.lowerBound) to \(range.upperBound)")
        }
        return number
    }

    func moment(_ parameter: Parameter) throws(Refusal) -> Timestamp? {
        guard let text = texts[parameter] else { return nil }
        guard let moment = Timestamp(iso8601: text) else {
            throw .wrong("\(parameter): '\(text)': expected a time such as 2026-03-05T18:15:02Z")
        }
        return moment
    }

    /// `since` and `until`, both given.
    func span() throws(Refusal) -> Range<Timestamp> {
        guard let since = try moment(.since), let until = try moment(.until), since < until else {
            throw .wrong("since, until: expected two times, the first one earlier")
        }
        return since..<until
    }

    func word<Word: RawRepresentable & CaseIterable>(
        _ parameter: Parameter, _: Word.Type = Word.self
    ) throws(Refusal) -> Word? where Word.RawValue == String {
        guard let text = texts[parameter] else { return nil }
        guard let word = Word(rawValue: text) else {
            let words = Word.allCases.map(\.rawValue).joined(separator: ", ")
            let hint = nearest(to: text, in: Word.allCases.map(\.rawValue)).map { "; did you mean '\($0)'?" } ?? ""
            throw .wrong("\(parameter): '\(text)': expected one of \(words)\(hint)")
        }
        return word
    }

    func flag(_ parameter: Parameter) throws(Refusal) -> Bool {
        switch texts[parameter] {
        case nil, "false": return false
        case "true": return true
        case .some(let text): throw .wrong("\(parameter): '\(text)': expected true or false")
        }
    }

    /// A slip gets the nearest word.
    func quantity() throws(Refusal) -> String? {
        guard let text = texts[.quantity] else { return nil }
        guard Quantity(named: text) != nil else {
            let hint = nearest(to: text, in: Quantity.all.lazy.map(\.name)).map { "; did you mean '\($0)'?" } ?? ""
            throw .wrong("quantity: '\(text)' is not a quantity\(hint)")
        }
        return text
    }

    /// The number of an alert, or of what else `kind` names, in the path.
    func id(of kind: String = "an alert") throws(Refusal) -> Int64 {
        let text = texts[.id] ?? ""
        guard let id = Int64(text) else { throw .wrong("id: '\(text)': expected the number of \(kind)") }
        return id
    }
}
