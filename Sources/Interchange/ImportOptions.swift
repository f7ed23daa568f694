import Basics
public import Telemetry

/// How words of a foreign file become devices, channels, quantities and times.
public struct ImportOptions: Sendable {
    /// The unit of line protocol's timestamps.
    public enum Precision: String, CaseIterable, Sendable { case ns, us, ms, s }

    /// Of the timestamps of line protocol; other formats need none.
    public var precision = Precision.ns
    /// Tags of line protocol that may name the device; the first one that a line has is taken.
    public var deviceTags = Self.deviceTagsUsual
    /// The tag of line protocol that names the channel.
    public var channelTag = "channel"
    /// Of two for one word the later counts; a word without one is looked up among the quantities.
    public var mappings: [QuantityMapping] = []

    /// What `deviceTags` is where nobody says otherwise.
    public static let deviceTagsUsual = ["device", "device_id", "host", "sensor"]

    /// Line protocol in nanoseconds with the usual tags, and no mappings.
    public init() {}
}

/// What a word of a foreign file means: `temp=air_temperature:degF`, or `rssi=-` for nothing.
public struct QuantityMapping: Hashable, Sendable {
    /// As the file has it.
    public var word: String
    /// nil: values under this word are left out.
    public var quantity: Quantity?
    /// The unit of the values; nil for the canonical one.
    public var unit: Unit?

    /// Why a text is no mapping, with what would be right.
    public struct Fault: Error, CustomStringConvertible {
        /// The text, the part of it that is wrong, and what would be right.
        public let description: String
    }

    /// Reads `word=quantity`, `word=quantity:unit` or `word=-`, parted at the last `=`.
    public init(_ text: String) throws(Fault) {
        // The last sign: a word of line protocol may have one.
        guard let sign = text.lastIndex(of: "="), sign != text.startIndex else {
            throw Fault(description: "'\(text)': expected word=quantity, word=quantity:unit, or word=- to leave it out")
        }
        word = String(text[..<sign])
        let meaning = text[text.index(after: sign)...]
        guard meaning != "-" else { return }
        let parts = meaning.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
        guard let quantity = Quantity(named: parts[0]) else {
            let hint = nearest(to: String(parts[0]), in: Quantity.all.lazy.map(\.name))
            throw Fault(
                description: "'\(text)': '\(parts[0])' is not a quantity\(hint.map { "; did you mean '\($0)'?" } ?? "")"
            )
        }
        self.quantity = quantity
        guard parts.count == 2 else { return }
        guard let unit = Unit(String(parts[1])) else {
            let hint = nearest(to: String(parts[1]), in: Unit.spellings)
            throw Fault(
                description: "'\(text)': '\(parts[1])' is not a unit\(hint.map { "; did you mean '\($0)'?" } ?? "")")
        }
        guard let canonical = Unit(quantity.unit), unit.conversion(to: canonical) != nil else {
            throw Fault(
                description: "'\(text)': \(quantity) is in \(quantity.unit), into which \(unit) does not convert")
        }
        self.unit = unit
    }
}
