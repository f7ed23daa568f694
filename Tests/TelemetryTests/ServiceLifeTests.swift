import Basics
import Telemetry
import Testing

@Suite("When a device is meant to run")
struct ServiceLifeTests {
    private static func day(_ day: Int, _ hour: Int = 0) -> Timestamp {
        CivilTime(year: 2026, month: 11, day: day, hour: hour).timestamp()
    }
    private static let life = ServiceLife(
        deployed: day(2), retired: day(20), maintenance: [day(5, 8)..<day(5, 12), day(7)..<day(8)])

    @Test(
        "the days of its life",
        arguments: [
            (day(1, 23), ServiceLife.Phase.planned), (day(2), .running), (day(5, 8), .maintenance),
            (day(5, 12), .running),
            (day(7, 23), .maintenance), (day(19, 23), .running), (day(20), .retired), (day(28), .retired),
        ])
    func phases(at moment: Timestamp, phase: ServiceLife.Phase) {
        #expect(Self.life.phase(at: moment) == phase)
        #expect(Self.life.isExpected(at: moment) == (phase == .running || phase == .maintenance))
    }

    @Test("one of which nothing is said always runs, and one that is planned without a day never")
    func nothingSaid() {
        #expect(ServiceLife().phase(at: Self.day(1)) == .running)
        #expect(ServiceLife().change(after: Self.day(1)) == nil)
        #expect(ServiceLife(isPlanned: true).phase(at: Self.day(1)) == .planned)
        #expect(ServiceLife(isPlanned: true, retired: Self.day(3)).phase(at: Self.day(3)) == .retired)
        #expect(ServiceLife(isPlanned: true).running(in: Self.day(1)..<Self.day(9), since: Self.day(1)) == [])
    }

    @Test("somebody waits for it, or no more, at its first and its last day")
    func changes() {
        #expect(Self.life.change(after: Self.day(1)) == Self.day(2))
        #expect(Self.life.change(after: Self.day(2)) == Self.day(20))
        #expect(Self.life.change(after: Self.day(20)) == nil)
    }

    @Test("it runs between its days and around its maintenance")
    func running() {
        #expect(
            Self.life.running(in: Self.day(1)..<Self.day(30), since: Self.day(10)) == [
                Self.day(2)..<Self.day(5, 8), Self.day(5, 12)..<Self.day(7), Self.day(8)..<Self.day(20),
            ])
        #expect(
            Self.life.running(in: Self.day(5, 9)..<Self.day(7, 12), since: Self.day(1))
                == [Self.day(5, 12)..<Self.day(7)])
        #expect(Self.life.running(in: Self.day(7, 1)..<Self.day(7, 12), since: Self.day(1)) == [])
        // Without a first day it is waited for since the roster names it.
        #expect(
            ServiceLife().running(in: Self.day(1)..<Self.day(9), since: Self.day(4)) == [Self.day(4)..<Self.day(9)])
    }

    @Test(
        "what a store keeps is what was said, and what does not read says nothing",
        arguments: [ServiceLife(), life, ServiceLife(isPlanned: true), ServiceLife(retired: day(3))])
    func text(life: ServiceLife) {
        #expect(ServiceLife(text: life.text) == life)
        #expect(ServiceLife(text: life.text + ";maintenance=9..5;deployed=x;maintenance=;=;;maintenance=1") == life)
    }
}
