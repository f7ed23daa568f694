/// The states of several rooms side by side, each under its name.
///
/// Each begins with a version of its own, which its room knows. A room that does not read its block starts empty, and
/// costs the others nothing; a block whose name nobody knows any more is passed over. A block with a bit that changed
/// never reaches its room: a room can see that bytes are none of its own, and not that a number is another one.
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

        fileprivate var check: UInt32 { bytes.withUnsafeBytes { StateBlocks.check(name, $0) } }
    }

    /// The first whose blocks have check values.
    public static let version: UInt32 = 5
    /// The same without check values. In those before, blocks had places instead of names.
    public static let uncheckedVersion: UInt32 = 4

    /// In the order in which they were put in; no name stands twice.
    public private(set) var blocks: [Block] = []
    /// Those that do not match their check values; the name may be what is damaged.
    public private(set) var damaged: [Block] = []
    /// What lies behind the last block that reads, of bytes that were damaged: of so many blocks nothing is known.
    public private(set) var unreadCount = 0
    /// What lies behind the last block.
    public private(set) var rest: [UInt8] = []
    /// Whether the bytes were of the newest form: a block that is missing there was never written.
    public let isChecked: Bool

    /// Without blocks.
    package init(isChecked: Bool = true) { self.isChecked = isChecked }

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

    /// The version, the number of blocks, then each block's name, bytes and check value.
    public var bytes: [UInt8] {
        var writer = StateWriter(capacity: byteCount)
        writer.append(Self.version)
        writer.append(UInt32(blocks.count))
        append(to: &writer)
        return writer.bytes
    }

    /// The same with one block more before them, which `write` writes in its place: it is not there twice. `capacity` is what it
    /// takes at most.
    package func bytes(behind name: String, capacity: Int, _ write: (inout StateWriter) -> Void) -> [UInt8] {
        var writer = StateWriter(capacity: byteCount + capacity + name.utf8.count + 12)
        writer.append(Self.version)
        writer.append(UInt32(blocks.count + 1))
        writer.append(text: name)
        let place = writer.append(write)
        writer.append(writer.bytes.withUnsafeBytes { Self.check(name, UnsafeRawBufferPointer(rebasing: $0[place])) })
        append(to: &writer)
        return writer.bytes
    }

    private var byteCount: Int { blocks.reduce(8) { $0 + $1.name.utf8.count + $1.bytes.count + 12 } }

    private func append(to writer: inout StateWriter) {
        for block in blocks {
            writer.append(text: block.name)
            writer.append(block: block.bytes)
            writer.append(block.check)
        }
    }

    /// Over the name too: under another name it would be another room's.
    private static func check(_ name: String, _ bytes: UnsafeRawBufferPointer) -> UInt32 {
        var crc = CRC32C()
        Array(name.utf8).withUnsafeBytes { crc.add($0) }
        crc.add(bytes)
        return crc.value
    }

    /// nil when the bytes are of another version than these two. Of damaged ones it has the blocks that are not.
    public init?(bytes: [UInt8]) {
        var reader = StateReader(bytes)
        guard let version = reader.next(UInt32.self), version == Self.version || version == Self.uncheckedVersion,
            let count = reader.next(UInt32.self)
        else { return nil }
        isChecked = version == Self.version
        for place in 0..<count {
            guard let (block, isGood) = isChecked ? reader.nextChecked() : reader.nextUnchecked() else {
                unreadCount = Int(count - place)
                break
            }
            if isGood, self[block.name] == nil { blocks.append(block) } else { damaged.append(block) }
        }
        rest = reader.rest
    }
}

extension StateReader {
    /// A block, and whether it matches its check value.
    fileprivate mutating func nextChecked() -> (StateBlocks.Block, isGood: Bool)? {
        guard let name = nextBlock(), let bytes = nextBlock(), let check = next(UInt32.self) else { return nil }
        let block = StateBlocks.Block(name: String(decoding: name, as: UTF8.self), bytes: bytes)
        return (block, block.check == check)
    }

    fileprivate mutating func nextUnchecked() -> (StateBlocks.Block, isGood: Bool)? {
        guard let name = nextText(), let bytes = nextBlock() else { return nil }
        return (StateBlocks.Block(name: name, bytes: bytes), true)
    }
}
