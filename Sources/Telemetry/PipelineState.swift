/// The state of the pure stages as it rests in the store: the windows and the devices' health, side by side.
///
/// A word of its own because two read it: the daemon when it resumes, and the operators' tool when the daemon is down.
public struct PipelineState: Sendable {
    public var windows: [UInt8]
    public var health: [UInt8]

    public init(windows: [UInt8], health: [UInt8]) {
        self.windows = windows
        self.health = health
    }

    public var bytes: [UInt8] {
        var writer = StateWriter()
        writer.append(UInt32(1))
        writer.append(block: windows)
        writer.append(block: health)
        return writer.bytes
    }

    /// nil when the bytes are not a state of this version.
    public init?(bytes: [UInt8]) {
        var reader = StateReader(bytes)
        guard reader.next(UInt32.self) == 1, let windows = reader.nextBlock(), let health = reader.nextBlock(),
            reader.isAtEnd
        else { return nil }
        self.init(windows: windows, health: health)
    }
}
