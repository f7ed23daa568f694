import Basics
import Telemetry
import TestSupport
import Testing

@Suite("What devices say of their links")
struct LinkWordTests {
    private static let noon = Timestamp(milliseconds: 1_772_705_640_000)
    private static let lamp = DeviceIndex(rawValue: 0)

    private static func status(_ isOnline: Bool, at seconds: Int, heard: Int, isRetained: Bool = false) -> DeviceStatus
    {
        DeviceStatus(
            device: lamp, isOnline: isOnline, at: noon + .seconds(seconds), heardAt: noon + .seconds(heard),
            isRetained: isRetained)
    }

    @Test("the last word counts, and telemetry behind an offline ends it")
    func telemetryEnds() {
        var word = LinkWord()
        #expect(word.isOnline == nil && !word.saysOffline)
        word.absorb(Self.status(false, at: 0, heard: 0), lastHeard: nil)
        #expect(word.saysOffline)
        // Of the message itself.
        word.absorb(Hearing(device: Self.lamp, at: Self.noon), isOfTurn: true)
        #expect(word.saysOffline)
        word.absorb(Hearing(device: Self.lamp, at: Self.noon + .seconds(9), isRetained: true), isOfTurn: false)
        #expect(word.saysOffline, "what the broker had kept was not said now")
        word.absorb(Hearing(device: Self.lamp, at: Self.noon + .milliseconds(1)), isOfTurn: true)
        #expect(!word.saysOffline && word.isOver)
    }

    @Test("in a later turn telemetry ends it, also behind a clock that was set back")
    func clockSetBack() {
        var word = LinkWord()
        word.absorb(Self.status(false, at: 0, heard: 0), lastHeard: nil)
        word.absorb(Hearing(device: Self.lamp, at: Self.noon - .seconds(3600)), isOfTurn: false)
        #expect(!word.saysOffline)
        word.absorb(Self.status(false, at: -3590, heard: -3590), lastHeard: nil)
        #expect(word.saysOffline, "a new word counts, whatever the clock says")
    }

    @Test("a word that a buffer delivers behind a newer one is history")
    func buffered() {
        var word = LinkWord()
        word.absorb(Self.status(true, at: 0, heard: 0), lastHeard: nil)
        word.absorb(Self.status(false, at: -10_800, heard: 1), lastHeard: nil)
        #expect(!word.saysOffline && word.isOnline == true)
        // Nor does one that is older than what was heard of the device.
        var other = LinkWord()
        other.absorb(Self.status(false, at: -10_800, heard: 1), lastHeard: Self.noon)
        #expect(!other.saysOffline)
        // A slow clock is no buffer.
        other.absorb(Self.status(false, at: -120, heard: 1), lastHeard: Self.noon)
        #expect(other.saysOffline)
    }

    @Test("the same word again, as a broker hands out what it retains, is no news; another one is")
    func retained() {
        var word = LinkWord()
        word.absorb(Self.status(false, at: 0, heard: 0), lastHeard: nil)
        word.absorb(Hearing(device: Self.lamp, at: Self.noon + .seconds(1)), isOfTurn: false)
        word.absorb(Self.status(false, at: 60, heard: 60, isRetained: true), lastHeard: nil)
        #expect(!word.saysOffline)
        var online = LinkWord()
        online.absorb(Self.status(true, at: 0, heard: 0), lastHeard: nil)
        online.absorb(Self.status(false, at: 60, heard: 60, isRetained: true), lastHeard: nil)
        #expect(online.saysOffline)
    }

    @Test("a reading of the present takes the place of one that lies ahead of it, and no other is passed over")
    func follows() {
        let now: Int64 = 1_772_705_640_000
        let hour: Int64 = 3_600_000
        #expect(TimeFence.follows(now, newest: now, at: now))
        #expect(TimeFence.follows(now, newest: now - 1, at: now))
        #expect(!TimeFence.follows(now - 1, newest: now, at: now))
        #expect(TimeFence.follows(now, newest: now + 30 * 24 * hour, at: now))
        #expect(TimeFence.follows(now - hour + 1, newest: now + hour, at: now))
        #expect(!TimeFence.follows(now - hour, newest: now + hour, at: now), "what is an hour old is a backlog")
        #expect(!TimeFence.follows(now - 5000, newest: now + 9000, at: now), "a clock that is a little fast")
        #expect(TimeFence.follows(now - 5000, newest: now + 11_000, at: now))
    }
}
