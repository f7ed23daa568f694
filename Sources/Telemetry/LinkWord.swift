public import Basics

/// What a device said of its own link, and whether that still stands: the one law for alerts and answers.
///
/// A word is a word: the same again, as a broker hands out what it retains, is no news. A later message of the device ends an
/// "offline" that its will, or it itself, left behind. A word that a buffer delivers after a newer one is history.
public struct LinkWord: Hashable, Sendable {
    /// The last word; nil before the first.
    public private(set) var isOnline: Bool?
    /// When that was said: by the device where it says, never later than it was heard.
    public private(set) var saidAt = Timestamp(milliseconds: .min)
    /// When the gateway heard it, by its wall clock.
    private var heardAt = Timestamp(milliseconds: .min)
    /// The device spoke after it.
    public private(set) var isOver = false

    /// Nothing was said.
    public init() {}

    /// As it was kept.
    public init(isOnline: Bool?, saidAt: Timestamp, isOver: Bool) {
        self.isOnline = isOnline
        (self.saidAt, heardAt) = (saidAt, saidAt)
        self.isOver = isOver
    }

    /// Whether the device counts as gone by its own word.
    public var saysOffline: Bool { isOnline == false && !isOver }

    /// Takes in what was said; false where it changes nothing. `lastHeard` is when the device was heard before, by the wall
    /// clock.
    @discardableResult
    public mutating func absorb(_ status: DeviceStatus, lastHeard: Timestamp?) -> Bool {
        // What the broker keeps may be older than all that was heard since.
        if status.isRetained, status.isOnline == isOnline { return false }
        let hasOwnTime = status.at < status.heardAt
        if hasOwnTime, isOnline != nil, status.at < saidAt { return false }
        if hasOwnTime, !status.isOnline, let lastHeard, lastHeard - status.at > Staleness.atLeast { return false }
        isOnline = status.isOnline
        saidAt = min(status.at, status.heardAt)
        heardAt = status.heardAt
        isOver = false
        return true
    }

    /// The device was heard. `isOfTurn`: in the turn that brought its last word too, where only a later moment is known to be
    /// behind it.
    @discardableResult
    public mutating func absorb(_ hearing: Hearing, isOfTurn: Bool) -> Bool {
        guard saysOffline, !hearing.isRetained, !isOfTurn || hearing.at > heardAt else { return false }
        isOver = true
        return true
    }
}
