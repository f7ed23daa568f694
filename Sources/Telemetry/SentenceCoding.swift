import Basics

// For programs: `{"key": "threshold_above", "values": {"name": "lamp-17", "value": {"number": 85.0, "unit": "Cel"}}}`.
extension Sentence: Codable {
    private enum CodingKeys: String, CodingKey { case key, values }

    /// A key or a value that this version does not know is an error.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        let word = try container.decode(String.self, forKey: .key)
        guard let key = Key(rawValue: word) else {
            throw DecodingError.dataCorruptedError(
                forKey: .key, in: container, debugDescription: "'\(word)' is no sentence of this version")
        }
        var values: [Name: Value?] = [:]
        for (word, value) in try container.decode([String: Value].self, forKey: .values) {
            guard let name = Name(rawValue: word) else {
                throw DecodingError.dataCorruptedError(
                    forKey: .values, in: container, debugDescription: "'\(word)' is no value of this version")
            }
            values[name] = value
        }
        self.init(key, values)
    }

    /// The key and the values by their names.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(key.rawValue, forKey: .key)
        try container.encode(
            Dictionary(uniqueKeysWithValues: values.map { ($0.rawValue, $1) }), forKey: .values)
    }
}

extension Sentence.Value: Codable {
    private enum CodingKeys: String, CodingKey { case quantity, word, number, unit, count, seconds, time }

    /// A text is a string, anything else an object that says what it is.
    public init(from decoder: any Decoder) throws {
        if let text = try? decoder.singleValueContainer().decode(String.self) {
            self = .text(text)
            return
        }
        let container = try decoder.container(keyedBy: CodingKeys.self)
        if let name = try container.decodeIfPresent(String.self, forKey: .quantity) {
            self = .quantity(name)
        } else if let word = try container.decodeIfPresent(String.self, forKey: .word) {
            self = .word(word)
        } else if let unit = try container.decodeIfPresent(String.self, forKey: .unit) {
            // JSON has no infinity: such a number is left out.
            self = .number(try container.decodeIfPresent(Double.self, forKey: .number) ?? .nan, unit: unit)
        } else if let count = try container.decodeIfPresent(Int.self, forKey: .count) {
            self = .count(count)
        } else if let seconds = try container.decodeIfPresent(Double.self, forKey: .seconds) {
            self = .span(.milliseconds(Int64((seconds * 1000).rounded())))
        } else {
            self = .moment(try container.decode(Timestamp.self, forKey: .time))
        }
    }

    /// Spans in seconds, moments in RFC 3339.
    public func encode(to encoder: any Encoder) throws {
        if case .text(let text) = self {
            var container = encoder.singleValueContainer()
            return try container.encode(text)
        }
        var container = encoder.container(keyedBy: CodingKeys.self)
        switch self {
        case .text: break
        case .quantity(let name): try container.encode(name, forKey: .quantity)
        case .word(let word): try container.encode(word, forKey: .word)
        case .number(let number, let unit):
            if number.isFinite { try container.encode(number, forKey: .number) }
            try container.encode(unit, forKey: .unit)
        case .count(let count): try container.encode(count, forKey: .count)
        case .span(let span): try container.encode(Double(span.milliseconds) / 1000, forKey: .seconds)
        case .moment(let moment): try container.encode(moment, forKey: .time)
        }
    }
}
