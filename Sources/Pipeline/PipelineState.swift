import Basics

/// The state of the pure stages as it rests in the store: the windows, the devices' health and
/// clocks, and what the detectors learnt, side by side.
///
/// A word of its own because two read it: the daemon when it resumes, and the operators' tool when the daemon is down.
public struct PipelineState: Sendable {
    public var windows: [UInt8]
    public var health: [UInt8]
    /// Empty in a state of version 1, which had none.
    public var clocks: [UInt8]

    /// Empty in states of versions 1 and 2, which had none.
    public var detectors: [UInt8]

    public init(windows: [UInt8], health: [UInt8], clocks: [UInt8], detectors: [UInt8]) {
        self.windows = windows
        self.health = health
        self.clocks = clocks
        self.detectors = detectors
    }

    public var bytes: [UInt8] {
        var writer = StateWriter()
        writer.append(UInt32(3))
        writer.append(block: windows)
        writer.append(block: health)
        writer.append(block: clocks)
        writer.append(block: detectors)
        return writer.bytes
    }

    /// nil when the bytes are not a state of a version that is known.
    public init?(bytes: [UInt8]) {
        var reader = StateReader(bytes)
        guard let version = reader.next(UInt32.self), (1...3).contains(version), let windows = reader.nextBlock(),
            let health = reader.nextBlock(), let clocks = version < 2 ? [] : reader.nextBlock(),
            let detectors = version < 3 ? [] : reader.nextBlock(), reader.isAtEnd
        else { return nil }
        self.init(windows: windows, health: health, clocks: clocks, detectors: detectors)
    }
}
