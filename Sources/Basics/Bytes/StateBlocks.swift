/// The states of several rooms side by side, each under its name.
///
/// Each begins with a version of its own, which its room knows. A room that does not read its block starts empty, and
/// costs the others nothing; a block whose name nobody knows any more is passed over.
public struct StateBlocks: Equatable, Sendable {
    /// The state of one room.
    public struct Block: Equatable, Sendable {
        /// By which its room finds it.
        public var name: String
        /// Its room's own: the blocks are not looked into here.
        public var bytes: [UInt8]

        package init(name: String, bytes: [UInt8]) {
            self.name = name
            self.bytes = bytes
        }
    }

    /// Above those of the formats before, whose blocks had places instead of names.
    public static let version: UInt32 = 4

    /// In the order in which they were put in; no name stands twice.
    public private(set) var blocks: [Block] = []
    /// What lies behind the last block that reads, of bytes that were damaged: of so many blocks nothing is known.
    public private(set) var unreadCount = 0

    package init() {}

    /// The bytes of the block of that name; nil where there is none.
    public subscript(name: String) -> [UInt8]? { blocks.first { $0.name == name }?.bytes }

    /// Puts a block in place of one of the same name, or behind all.
    public mutating func put(_ name: String, _ bytes: [UInt8]) {
        let block = Block(name: name, bytes: bytes)
        if let place = blocks.firstIndex(where: { $0.name == name }) {
            blocks[place] = block
        } else {
            blocks.append(block)
        }
    }

    /// The version, the number of blocks, then each block's name and bytes.
    public var bytes: [UInt8] {
        var writer = StateWriter()
        writer.append(Self.version)
        writer.append(UInt32(blocks.count))
        for block in blocks {
            writer.append(text: block.name)
            writer.append(block: block.bytes)
        }
        return writer.bytes
    }

    /// nil when the bytes are of another version. Of damaged ones it has the blocks before the damage.
    public init?(bytes: [UInt8]) {
        var reader = StateReader(bytes)
        guard reader.next(UInt32.self) == Self.version, let count = reader.next(UInt32.self) else { return nil }
        for place in 0..<count {
            guard let name = reader.nextText(), let bytes = reader.nextBlock(), self[name] == nil else {
                unreadCount = Int(count - place)
                return
            }
            blocks.append(Block(name: name, bytes: bytes))
        }
    }
}
