/// What a reading measures: a word of the vocabulary, with its canonical unit and plausible range.
///
/// A value is two bytes, a position in the vocabulary; names, units and ranges are looked up.
public struct Quantity: Hashable, Sendable {
    /// Position in the vocabulary of this build: for memory only, what is stored is the name.
    public let index: UInt16

    /// How values of the quantity behave in time.
    public enum Kind: String, Sendable, Codable {
        /// A level: temperature, power.
        case gauge
        /// Only grows, may reset: energy, operating hours.
        case counter
        /// An amount in the reported period: rain, vehicles.
        case delta
        /// A small integer code: on or off, an inverter's state.
        case state
    }

    /// What the vocabulary says of one quantity.
    public struct Definition: Sendable {
        /// In code, SQL, JSON and files: `pm2_5`.
        public let name: String
        /// For people: `PM2.5 mass concentration`.
        public let title: String
        /// UCUM case-sensitive code; `1` for a bare number.
        public let unit: String
        /// Least plausible value, inclusive, in `unit`.
        public let min: Double
        /// Greatest plausible value, inclusive, in `unit`.
        public let max: Double
        /// How its values behave in time, which decides the statistics that it has.
        public let kind: Kind

        init(_ name: String, _ title: String, _ unit: String, _ min: Double, _ max: Double, _ kind: Kind) {
            self.name = name
            self.title = title
            self.unit = unit
            self.min = min
            self.max = max
            self.kind = kind
        }
    }

    private init(index: UInt16) { self.index = index }

    /// The quantity of this canonical name, such as `pm2_5`; nil for a word outside the vocabulary.
    public init?(named name: some StringProtocol) {
        guard let index = Self.indexByName[String(name)] else { return nil }
        self.index = index
    }

    /// The vocabulary, by `index`.
    public static let all: [Quantity] = table.indices.map { Quantity(index: UInt16($0)) }
    private static let indexByName = Dictionary(
        uniqueKeysWithValues: table.enumerated().map { ($1.name, UInt16($0)) })

    /// Its row of the vocabulary.
    public var definition: Definition { Self.table[Int(index)] }
    /// As in code, SQL, JSON and files: `pm2_5`.
    public var name: String { definition.name }
    /// Canonical unit, a UCUM case-sensitive code; every stored value is in it.
    public var unit: String { definition.unit }
    /// How its values behave in time.
    public var kind: Kind { definition.kind }
    /// Whether values are directions in degrees, which lie on a circle: 350 and 10 are twenty apart.
    public var isDirection: Bool { self == .windDirection }
    /// Plausible physical range, inclusive, in the canonical unit.
    public var range: ClosedRange<Double> { definition.min...definition.max }
}

extension Quantity: CustomStringConvertible {
    /// The `name`.
    public var description: String { name }
}
