public import Basics

/// Readings that say in words which series they are of, as an import brings them.
///
/// The names lie side by side in one block of bytes, so that a reading costs no allocation; readings that follow one
/// another share the device's name.
public struct NamedReadings: Sendable {
    /// One reading; its names are reached through the block.
    public struct Entry: Sendable {
        /// Places in the block of names.
        public var device: Range<Int>
        /// Empty for the device as a whole.
        public var channel: Range<Int>
        /// What it measures.
        public var quantity: Quantity
        /// When the device measured, as the file says.
        public var observed: Timestamp
        /// In the canonical unit of the quantity.
        public var value: Double
        /// Where it was read, counted from 1.
        public var line: Int
    }

    /// In the order of the lines.
    public private(set) var entries: [Entry] = []
    private var names: [UInt8] = []

    /// Without a reading.
    public init() {}

    /// Readings, not names.
    public var count: Int { entries.count }
    /// Whether no reading came since `removeAll`.
    public var isEmpty: Bool { entries.isEmpty }

    /// Copies the names, unless the reading before has the same; `value` in the canonical unit.
    public mutating func append(
        device: UnsafeRawBufferPointer, channel: UnsafeRawBufferPointer, quantity: Quantity, observed: Timestamp,
        value: Double, line: Int
    ) {
        let last = entries.last
        entries.append(
            Entry(
                device: place(of: device, before: last?.device), channel: place(of: channel, before: last?.channel),
                quantity: quantity, observed: observed, value: value, line: line))
    }

    /// Where the name lies: where the reading before has it, when it is the same.
    private mutating func place(of name: UnsafeRawBufferPointer, before: Range<Int>?) -> Range<Int> {
        if let before, before.count == name.count {
            let isSame = names.withUnsafeBytes { names in
                for index in 0..<name.count where names[before.lowerBound &+ index] != name[index] { return false }
                return true
            }
            if isSame { return before }
        }
        let start = names.count
        names.append(contentsOf: name)
        return start..<names.count
    }

    /// Forgets readings and names and keeps their memory.
    public mutating func removeAll() {
        entries.removeAll(keepingCapacity: true)
        names.removeAll(keepingCapacity: true)
    }

    /// Lends the block that `Entry.device` and `Entry.channel` point into.
    public func withNames<R>(_ body: (UnsafeRawBufferPointer) throws -> R) rethrows -> R {
        try names.withUnsafeBytes { try body($0) }
    }

    /// The name as text; bytes that are not UTF-8 are mended with U+FFFD.
    public func device(of entry: Entry) -> String { String(decoding: names[entry.device], as: UTF8.self) }

    /// nil for the device as a whole.
    public func channel(of entry: Entry) -> String? {
        entry.channel.isEmpty ? nil : String(decoding: names[entry.channel], as: UTF8.self)
    }
}
