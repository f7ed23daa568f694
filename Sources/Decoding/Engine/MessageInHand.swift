import Basics
import Telemetry

/// The message that is decoded: what came, and what was told of it so far. Begun anew with each message.
struct MessageInHand {
    var topic = UnsafeRawBufferPointer(start: nil, count: 0)
    var payload = UnsafeRawBufferPointer(start: nil, count: 0)
    var receivedAt = Timestamp(milliseconds: 0)
    var isRetained = false
    /// What the batch held before it.
    var rejectsBefore = 0
    var rememberedBefore = 0
    var unreadBefore = 0
    /// Faults beyond the limit, for the last reject to tell of.
    var hiddenFaults = 0
    /// It has as many readings as a message may have: nothing more of it is read.
    var isTooLong = false
    /// A rule kept something of it for later messages, and asked for nothing else.
    var isHeld = false
    /// What a rule goes over is there, without items.
    var hasEmptyList = false
}

/// The whole message, or one value of what a rule iterates over, and whose it is.
struct ItemInHand {
    /// Its place on the tape.
    var node = 0
    var iteration = Iteration()
    var device = DeviceIndex(rawValue: 0)
    var channel = ChannelIndex.none
    var observed = Timestamp(milliseconds: 0)
    /// `observed` is the receipt, or told from it: it bears no time of its own.
    var isStamped = false
    /// It bears a time that cannot be used: what it says is no reading.
    var isTimeless = false
    /// The table of the rule has no row for its name.
    var hasNoRow = false

    /// What `@index` and `@key` mean.
    struct Iteration {
        /// Negative outside of iterations.
        var index: Int32 = -1
        /// The node with the key; negative where the iteration goes over an array.
        var keyNode: Int32 = -1
        /// That of the `*` around it.
        var outerKeyNode: Int32 = -1
    }
}
