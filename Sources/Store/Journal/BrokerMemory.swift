public import Basics
import Telemetry

/// The 128 random bits of which the gateway's client id at the broker was made.
///
/// Beside the file that has the id, so that a file that was lost, or a store that was put back from a backup, leads to the
/// same session at the broker and to the messages that wait in it.
public struct ClientNumber: Hashable, Sendable {
    /// Four times 32 bits.
    public let words: [UInt32]

    /// nil unless there are four.
    public init?(words: [UInt32]) {
        guard words.count == Self.keys.count else { return nil }
        self.words = words
    }

    /// From the kernel's source of randomness.
    public init() {
        var random = SystemRandomNumberGenerator()
        words = Self.keys.map { _ in UInt32.random(in: .min ... .max, using: &random) }
    }

    /// Numbers of `meta` are 0 where they were never written.
    fileprivate static let keys: [Meta] = [.clientNumber0, .clientNumber1, .clientNumber2, .clientNumber3]
}

/// Another client took the gateway's session at the broker: two gateways run under one name, or somebody has it who should
/// not.
public struct Takeovers: Hashable, Sendable {
    /// Since the store was made.
    public var count: Int64 = 0
    /// By the wall clock; nil where there was none.
    public var lastAt: Timestamp?

    /// None.
    public init() {}
}

extension Journal {
    /// nil where none was made.
    public var clientNumber: ClientNumber? {
        get throws(StoreError) {
            var words: [UInt32] = []
            for key in ClientNumber.keys {
                guard let word = UInt32(exactly: try key.read(core) - 1) else { return nil }
                words.append(word)
            }
            return ClientNumber(words: words)
        }
    }

    /// From now on it is this one.
    public func keep(_ number: ClientNumber) throws(StoreError) {
        try core.transaction { () throws(StoreError) in
            for (key, word) in zip(ClientNumber.keys, number.words) { try key.write(Int64(word) + 1, core) }
        }
    }

    /// Those that were noted.
    public var takeovers: Takeovers {
        get throws(StoreError) {
            var takeovers = Takeovers()
            takeovers.count = try Meta.takeovers.read(core)
            let last = try Meta.takenOverAt.read(core)
            if last != 0 { takeovers.lastAt = Timestamp(milliseconds: last) }
            return takeovers
        }
    }

    /// One more; returns them all.
    public func noteTakeover(at now: Timestamp) throws(StoreError) -> Takeovers {
        try core.transaction { () throws(StoreError) in
            try Meta.takeovers.write(try Meta.takeovers.read(core) + 1, core)
            try Meta.takenOverAt.write(now.milliseconds, core)
        }
        return try takeovers
    }

    /// How many messages the broker had thrown away when it was last heard; nil where it never said.
    public var droppedByBroker: Int? {
        get throws(StoreError) {
            let kept = try Meta.brokerDropped.read(core)
            return kept > 0 ? Int(kept - 1) : nil
        }
    }

    /// From now on it is this many, 0 to 2^40.
    public func keepDropped(_ total: Int) throws(StoreError) {
        try core.transaction { () throws(StoreError) in try Meta.brokerDropped.write(Int64(total) + 1, core) }
    }
}
