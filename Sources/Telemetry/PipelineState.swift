/// The state of the pure stages as it rests in the store: the windows, the devices' health and their
/// clocks, side by side.
///
/// A word of its own because two read it: the daemon when it resumes, and the operators' tool when the daemon is down.
public struct PipelineState: Sendable {
    public var windows: [UInt8]
    public var health: [UInt8]
    /// Empty in a state of version 1, which had none.
    public var clocks: [UInt8]

    public init(windows: [UInt8], health: [UInt8], clocks: [UInt8]) {
        self.windows = windows
        self.health = health
        self.clocks = clocks
    }

    public var bytes: [UInt8] {
        var writer = StateWriter()
        writer.append(UInt32(2))
        writer.append(block: windows)
        writer.append(block: health)
        writer.append(block: clocks)
        return writer.bytes
    }

    /// nil when the bytes are not a state of a version that is known.
    public init?(bytes: [UInt8]) {
        var reader = StateReader(bytes)
        guard let version = reader.next(UInt32.self), (1...2).contains(version), let windows = reader.nextBlock(),
            let health = reader.nextBlock(), let clocks = version == 1 ? [] : reader.nextBlock(), reader.isAtEnd
        else { return nil }
        self.init(windows: windows, health: health, clocks: clocks)
    }
}
