public import Basics

/// What one message may cost. Beyond a limit the message is rejected as `.tooLarge` and the next one is decoded.
public struct DecodingLimits: Sendable {
    /// Longest payload that is looked into, in bytes.
    public var payloadBytesMax = 262_144
    /// Deepest nesting of arrays and objects in a payload; from 1 to 1024.
    public var nestingMax = 64
    /// Most values of a payload, containers included: 32 bytes of memory each.
    public var nodesMax = 65_536
    /// Most readings of one message. Those before the limit are kept.
    public var readingsPerMessageMax = 4096
    /// Most rejects of one message; the last one says how many more faults there were.
    public var rejectsPerMessageMax = 16

    /// Earliest time of its own that a message may bear: of a live device an earlier one is that of a clock that was never
    /// set. 2020-01-01; `historyMin` for tools that read history.
    public var timeMin = Timestamp(milliseconds: 1_577_836_800_000)
    /// 1970-01-02: the day before is the first of a clock that counts from the start of its device.
    package static let historyMin = Timestamp(milliseconds: 86_400_000)

    /// The same for a device whose profile gives the receipt instead (`else: receipt`). To such a profile a clock that was
    /// never set is nothing new, and where its messages are read as history their 1970 is that clock and no history.
    func timeMin(orReceipt: Bool) -> Timestamp {
        orReceipt ? max(timeMin, Timestamp(milliseconds: 31_536_000_000)) : timeMin
    }

    /// Most devices that one profile may bring.
    public var devicesPerProfileMax = 16_000_000
    /// Most keys under which rules hold values for later messages.
    public var heldKeysMax = 65_536
    /// Most Sparkplug nodes and devices whose births are remembered.
    public var sparkplugDevicesMax = 65_536
    /// Most metrics of all remembered births together: about 150 bytes each, and their names twice.
    public var sparkplugMetricsMax = 1_048_576

    /// How fast new names may become known; nil: as fast as they come, for tools whose messages somebody chose.
    public var newNames: NameRates?

    /// The limits as they stand above.
    public init() {}
}
