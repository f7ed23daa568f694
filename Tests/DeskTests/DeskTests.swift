import Basics
import Telemetry
import Testing
import TestSupport

@testable import Desk

@Suite("Who is told of an alert, and when")
struct DeskTests {
    struct Story: Sendable, CustomTestStringConvertible {
        var name: String
        var plan: DeskPlan
        var events: [String]
        var until: Int
        var log: [String]
        var testDescription: String { name }
    }

    private static func plan(
        _ routes: Route..., causes: [Cause] = [], flapping: Flapping? = nil, tellsLower: Bool = false
    ) -> DeskPlan {
        DeskPlan(
            recipients: [Recipient(name: "duty", routes: routes, tellsLower: tellsLower)], causes: causes,
            flapping: flapping)
    }

    private static let all = plan(Route())
    private static let grave = plan(Route(severityMin: .critical))
    private static let feeder = Cause(
        rules: [NamePattern("feeder")], explains: [NamePattern("out")], within: .circuit, wait: .seconds(30),
        settle: .seconds(60))
    private static let twoSteps = DeskPlan(
        recipients: [
            Recipient(name: "duty", routes: [Route()]),
            Recipient(name: "boss", routes: [Route(severityMin: .critical), Route(after: .seconds(60))]),
        ])

    private static let stories = [
        Story(
            name: "a beginning and an end", plan: all, events: ["1 fire out lamp-1", "5 end out lamp-1"], until: 9,
            log: ["1 duty: firing out lamp-1", "5 duty: over out lamp-1"]),
        Story(
            name: "its data stop and come again", plan: all,
            events: [
                "1 fire out lamp-1", "2 lose out lamp-1", "3 fire out lamp-1", "4 lose out lamp-1", "5 end out lamp-1",
            ],
            until: 9,
            log: [
                "1 duty: firing out lamp-1", "2 duty: unknown out lamp-1", "3 duty: firing out lamp-1",
                "4 duty: unknown out lamp-1", "5 duty: over out lamp-1",
            ]),
        Story(
            name: "what is not grave enough, then is, and then is not", plan: grave,
            events: [
                "1 fire out lamp-1", "2 end out lamp-1", "3 fire out lamp-1", "4 fire out lamp-1 critical",
                "5 fire out lamp-1 warning", "6 end out lamp-1",
            ], until: 9, log: ["4 duty: firing out lamp-1", "6 duty: over out lamp-1"]),
        Story(
            name: "less grave, for who asks", plan: plan(Route(), tellsLower: true),
            events: ["1 fire out lamp-1 critical", "2 fire out lamp-1 warning", "3 end out lamp-1"], until: 9,
            log: ["1 duty: firing out lamp-1", "2 duty: firing out lamp-1", "3 duty: over out lamp-1"]),
        Story(
            name: "a silence sends nothing, and what is up at its end is told", plan: all,
            events: ["1 silence 7 rule=out 10", "2 fire out lamp-1", "3 fire out lamp-2", "4 end out lamp-2"],
            until: 20,
            log: [
                "2 (duty: out lamp-1 silenced 7)", "3 (duty: out lamp-2 silenced 7)", "4 (duty: out lamp-2 gone)",
                "11 duty: firing out lamp-1",
            ]),
        Story(
            name: "an end that a silence hides is told when it is over", plan: all,
            events: ["1 fire out lamp-1", "2 silence 7 rule=o* 10", "3 end out lamp-1"], until: 20,
            log: ["1 duty: firing out lamp-1", "3 (duty: out lamp-1 silenced 7)", "12 duty: over out lamp-1"]),
        Story(
            name: "an end and a new beginning that a silence hides are nothing new", plan: all,
            events: [
                "1 fire out lamp-1", "2 silence 7 rule=out 10", "3 end out lamp-1", "5 fire out lamp-1",
                "15 end out lamp-1",
            ], until: 20,
            log: [
                "1 duty: firing out lamp-1", "3 (duty: out lamp-1 silenced 7)", "5 (duty: out lamp-1 gone)",
                "15 duty: over out lamp-1",
            ]),
        Story(
            name: "nobody is told of a device that the roster has in maintenance, and what is up at its end is told",
            plan: all,
            events: ["1 works lamp-1 10", "2 fire out lamp-1", "3 fire out lamp-2", "4 fire feeder c-1"], until: 20,
            log: [
                "2 (duty: out lamp-1 maintenance roster)", "3 duty: firing out lamp-2", "4 duty: firing feeder c-1",
                "11 duty: firing out lamp-1",
            ]),
        Story(
            name: "a circuit is in maintenance with all its devices", plan: all,
            events: ["1 works lamp-4,lamp-5,lamp-6 10", "2 fire feeder c-2", "5 end feeder c-2"], until: 20,
            log: ["2 (duty: feeder c-2 maintenance roster)", "5 (duty: feeder c-2 gone)"]),
        Story(
            name: "a silence that somebody ends", plan: all,
            events: ["1 silence 7 rule=out 1000", "2 fire out lamp-1", "5 unsilence 7"], until: 9,
            log: ["2 (duty: out lamp-1 silenced 7)", "5 duty: firing out lamp-1"]),
        Story(
            name: "a silence is about its alerts alone", plan: all,
            events: ["1 silence 7 rule=hot 10", "2 fire out lamp-1"],
            until: 20, log: ["2 duty: firing out lamp-1"]),
        Story(
            name: "a clock that is set changes nothing of a silence of a span", plan: all,
            events: ["1 silence 7 rule=out 10", "2 fire out lamp-1", "3 clock 86400", "5 clock -172800"], until: 20,
            log: ["2 (duty: out lamp-1 silenced 7)", "11 duty: firing out lamp-1"]),
        Story(
            name: "a cause before what it explains", plan: plan(Route(), causes: [feeder]),
            events: ["1 fire feeder c-1", "2 fire out lamp-1", "3 fire out lamp-4"], until: 40,
            log: [
                "1 duty: firing feeder c-1", "2 (duty: out lamp-1 cause feeder c-1)",
                "3 (duty: out lamp-4 awaiting_cause)", "33 duty: firing out lamp-4",
            ]),
        Story(
            name: "a cause behind what it explains", plan: plan(Route(), causes: [feeder]),
            events: ["1 fire out lamp-1", "20 fire feeder c-1", "50 end out lamp-1", "51 end feeder c-1"], until: 200,
            log: [
                "1 (duty: out lamp-1 awaiting_cause)", "20 duty: firing feeder c-1",
                "20 (duty: out lamp-1 cause feeder c-1)",
                "50 (duty: out lamp-1 gone)", "51 duty: over feeder c-1",
            ]),
        Story(
            name: "what is still up when its cause is over", plan: plan(Route(), causes: [feeder]),
            events: [
                "1 fire feeder c-1", "2 fire out lamp-1", "3 fire out lamp-2", "100 end feeder c-1",
                "120 end out lamp-2",
            ], until: 200,
            log: [
                "1 duty: firing feeder c-1", "2 (duty: out lamp-1 cause feeder c-1)",
                "3 (duty: out lamp-2 cause feeder c-1)", "100 duty: over feeder c-1", "100 (duty: out lamp-1 settling)",
                "100 (duty: out lamp-2 settling)", "120 (duty: out lamp-2 gone)", "160 duty: firing out lamp-1",
            ]),
        Story(
            name: "who saw the beginning sees the end, whatever explains it now", plan: plan(Route(), causes: [feeder]),
            events: ["1 fire out lamp-1", "40 fire feeder c-1", "41 end out lamp-1"], until: 50,
            log: [
                "1 (duty: out lamp-1 awaiting_cause)", "31 duty: firing out lamp-1", "40 duty: firing feeder c-1",
                "41 duty: over out lamp-1",
            ]),
        Story(
            name: "nobody takes it", plan: twoSteps, events: ["1 fire out lamp-1", "100 end out lamp-1"], until: 120,
            log: [
                "1 duty: firing out lamp-1", "1 (boss: out lamp-1 escalation)", "61 boss: firing out lamp-1",
                "100 duty: over out lamp-1", "100 boss: over out lamp-1",
            ]),
        Story(
            name: "somebody takes it", plan: twoSteps,
            events: ["1 fire out lamp-1", "10 take out lamp-1", "100 end out lamp-1", "110 fire out lamp-1"],
            until: 180,
            log: [
                "1 duty: firing out lamp-1", "1 (boss: out lamp-1 escalation)", "10 (boss: out lamp-1 taken)",
                "100 duty: over out lamp-1", "100 (boss: out lamp-1 gone)", "110 duty: firing out lamp-1",
                "110 (boss: out lamp-1 escalation)", "170 boss: firing out lamp-1",
            ]),
        Story(
            name: "grave enough to go there at once", plan: twoSteps,
            events: ["1 fire out lamp-1", "5 take out lamp-1", "10 fire out lamp-1 critical"], until: 20,
            log: [
                "1 duty: firing out lamp-1", "1 (boss: out lamp-1 escalation)", "5 (boss: out lamp-1 taken)",
                "10 duty: firing out lamp-1", "10 boss: firing out lamp-1",
            ]),
        Story(
            name: "it comes and goes",
            plan: plan(
                Route(), flapping: Flapping(episodes: 3, within: .seconds(60), quiet: .seconds(30))),
            events: [
                "1 fire out lamp-1", "2 end out lamp-1", "3 fire out lamp-1", "4 end out lamp-1", "5 fire out lamp-1",
                "6 end out lamp-1", "7 fire out lamp-1", "8 end out lamp-1", "60 fire out lamp-1",
            ], until: 70,
            log: [
                "1 duty: firing out lamp-1", "2 duty: over out lamp-1", "3 duty: firing out lamp-1",
                "4 duty: over out lamp-1", "5 duty: flapping out lamp-1", "37 duty: over out lamp-1",
                "60 duty: firing out lamp-1",
            ]),
        Story(
            name: "it comes and goes: whose turn comes later waits once, and hears of it when it is up",
            plan: DeskPlan(
                recipients: [
                    Recipient(name: "duty", routes: [Route()]),
                    Recipient(name: "boss", routes: [Route(after: .seconds(20))]),
                ],
                flapping: Flapping(episodes: 3, within: .seconds(60), quiet: .seconds(30))),
            events: [
                "1 fire out lamp-1", "5 end out lamp-1", "9 fire out lamp-1", "13 end out lamp-1", "17 fire out lamp-1",
                "21 end out lamp-1", "25 fire out lamp-1", "29 end out lamp-1", "39 fire out lamp-1",
                "45 end out lamp-1",
            ], until: 90,
            log: [
                "1 duty: firing out lamp-1", "1 (boss: out lamp-1 escalation)", "5 duty: over out lamp-1",
                "5 (boss: out lamp-1 gone)", "9 duty: firing out lamp-1", "9 (boss: out lamp-1 escalation)",
                "13 duty: over out lamp-1", "13 (boss: out lamp-1 gone)", "17 duty: flapping out lamp-1",
                "17 (boss: out lamp-1 escalation)", "39 boss: flapping out lamp-1", "69 duty: over out lamp-1",
                "69 boss: over out lamp-1",
            ]),
        Story(
            name: "it comes and goes, and is gone before the turn of whoever comes later",
            plan: DeskPlan(
                recipients: [
                    Recipient(name: "duty", routes: [Route()]),
                    Recipient(name: "boss", routes: [Route(after: .seconds(20))]),
                ],
                flapping: Flapping(episodes: 2, within: .seconds(60), quiet: .seconds(30))),
            events: ["1 fire out lamp-1", "5 end out lamp-1", "9 fire out lamp-1", "13 end out lamp-1"], until: 90,
            log: [
                "1 duty: firing out lamp-1", "1 (boss: out lamp-1 escalation)", "5 duty: over out lamp-1",
                "5 (boss: out lamp-1 gone)", "9 duty: flapping out lamp-1", "9 (boss: out lamp-1 escalation)",
                "39 duty: over out lamp-1", "39 (boss: out lamp-1 gone)",
            ]),
        Story(
            name: "it comes and goes, and stays",
            plan: plan(
                Route(), flapping: Flapping(episodes: 2, within: .seconds(60), quiet: .seconds(30))),
            events: ["1 fire out lamp-1", "2 end out lamp-1", "3 fire out lamp-1"], until: 70,
            log: [
                "1 duty: firing out lamp-1", "2 duty: over out lamp-1", "3 duty: flapping out lamp-1",
                "33 duty: firing out lamp-1",
            ]),
    ]

    @Test("each story, in one go and over a restart at every moment", arguments: stories)
    func plays(_ story: Story) {
        var room = Room(story.plan)
        room.play(story.events, until: story.until)
        #expect(room.log == story.log)
        for second in 0..<story.until {
            var restarted = Room(story.plan)
            // Behind what happens in that second.
            let place = story.events.firstIndex { Int($0.split(separator: " ")[0])! > second } ?? story.events.count
            var events = story.events
            events.insert("\(second) restart", at: place)
            restarted.play(events, until: story.until)
            #expect(restarted.log == story.log, "restarted at \(second)")
        }
    }

    @Test("what one turn brings is one moment: a cause explains what stands before it")
    func together() {
        var room = Room(Self.plan(Route(), causes: [Self.feeder]))
        room.happen(together: ["fire out lamp-1", "fire out lamp-2", "fire feeder c-1", "fire out lamp-3"])
        #expect(room.told == ["0 duty: firing feeder c-1"])
        let explained = room.log.filter { $0.contains("cause feeder c-1") }
        #expect(explained.count == 3)
    }

    @Test("what no cause can reach waits for none")
    func outOfReach() {
        var room = Room(Self.plan(Route(), causes: [Self.feeder]))
        room.play(["1 fire out air-1", "2 fire out lamp-1"], until: 3)
        #expect(room.log == ["1 duty: firing out air-1", "2 (duty: out lamp-1 awaiting_cause)"])
    }

    @Test("a storm under one cause is one message, and none of it is lost")
    func storm() {
        var room = Room(Self.plan(Route(), causes: [Self.feeder]))
        room.happen(together: ["fire feeder c-2"] + (4...6).map { "fire out lamp-\($0)" })
        room.happen(together: (4...6).map { "end out lamp-\($0)" } + ["end feeder c-2"])
        #expect(room.told == ["0 duty: firing feeder c-2", "0 duty: over feeder c-2"])
        #expect(room.desk.heldCount == 0)
        let kept = room.standings.values.flatMap(\.values)
        #expect(kept.isEmpty)
    }

    @Test("notices say what they have in common")
    func groups() {
        var room = Room(
            DeskPlan(recipients: [
                Recipient(
                    name: "duty", routes: [Route()],
                    grouping: Grouping(fields: [.rule, .area, .circuit], interval: .seconds(60)))
            ]))
        room.happen(together: ["fire out lamp-1", "fire out air-1", "fire dark West", "fire slow gateway"])
        #expect(
            room.log == [
                "0 duty: firing out lamp-1 in rule=out area=West circuit=c-1",
                "0 duty: firing out air-1 in rule=out area=East", "0 duty: firing dark West in rule=dark area=West",
                "0 duty: firing slow gateway in rule=slow",
            ])
    }

    @Test("a route goes by rule, place and time")
    func routes() {
        // 12:00 UTC is noon.
        let morning = ActiveTimes([.init(hours: .clock(from: 11 * 60, to: 12 * 60 + 1))])
        let evening = ActiveTimes([.init(hours: .clock(from: 12 * 60 + 1, to: 13 * 60))])
        var room = Room(
            DeskPlan(recipients: [
                Recipient(name: "west", routes: [Route(devices: DeviceSelector(areas: ["West"]))]),
                Recipient(name: "hot", routes: [Route(rules: [NamePattern("hot*")])]),
                Recipient(name: "early", routes: [Route(times: morning)]),
                Recipient(name: "late", routes: [Route(times: evening)]),
            ]))
        room.play(["1 fire out lamp-1", "2 fire hot-air air-1", "70 end out lamp-1"], until: 80)
        #expect(
            room.log == [
                "1 west: firing out lamp-1", "1 early: firing out lamp-1", "1 (late: out lamp-1 out_of_time)",
                "2 hot: firing hot-air air-1", "2 early: firing hot-air air-1", "2 (late: hot-air air-1 out_of_time)",
                "60 late: firing hot-air air-1", "60 late: firing out lamp-1", "70 west: over out lamp-1",
                "70 early: over out lamp-1", "70 late: over out lamp-1",
            ])
    }

    @Test("maintenance holds back what it is about, and tells at its end what is left")
    func maintenance() {
        let times = ActiveTimes([.init(hours: .clock(from: 11 * 60, to: 12 * 60 + 1))])
        var plan = Self.all
        plan.maintenance = [
            MaintenanceWindow(
                name: "cables", selection: .init(devices: DeviceSelector(circuits: ["c-1"])), times: times)
        ]
        var room = Room(plan)
        room.play(["1 fire out lamp-1", "2 fire out lamp-2", "3 fire out lamp-4", "4 end out lamp-2"], until: 80)
        #expect(
            room.log == [
                "1 (duty: out lamp-1 maintenance cables)", "2 (duty: out lamp-2 maintenance cables)",
                "3 duty: firing out lamp-4", "4 (duty: out lamp-2 gone)", "60 duty: firing out lamp-1",
            ])
    }

    @Test("whatever happens: beginnings and ends alternate, nothing is told that did not happen", arguments: 0..<40)
    func properties(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        let plan = DeskPlan(
            recipients: [
                Recipient(name: "duty", routes: [Route()]),
                Recipient(name: "boss", routes: [Route(severityMin: .critical), Route(after: .seconds(40))]),
            ], causes: [Self.feeder],
            flapping: Flapping(episodes: 4, within: .seconds(60), quiet: .seconds(20)))
        var events: [String] = []
        var silence = 0
        for second in 1..<400 where Int.random(in: 0..<3, using: &random) == 0 {
            let lamp = "lamp-\(Int.random(in: 1...4, using: &random))"
            let severity = Severity.allCases.randomElement(using: &random)!.rawValue
            switch Int.random(in: 0..<12, using: &random) {
            case 0...3: events.append("\(second) fire out \(lamp) \(severity)")
            case 4...6: events.append("\(second) end out \(lamp)")
            case 7: events.append("\(second) lose out \(lamp)")
            case 8: events.append("\(second) \(Bool.random(using: &random) ? "fire" : "end") feeder c-1")
            case 9: events.append("\(second) take out \(lamp)")
            case 10:
                silence += 1
                events.append("\(second) silence \(silence) rule=out \(Int.random(in: 1...50, using: &random))")
            default: events.append("\(second) clock \(Int.random(in: -5000...5000, using: &random))")
            }
        }
        events = sensible(events)
        var room = Room(plan)
        room.play(events, until: 1000)
        check(room)
        // The same with restarts wherever.
        var restarted = Room(plan)
        var cut: [String] = []
        for event in events {
            cut.append(event)
            if Int.random(in: 0..<4, using: &random) == 0 {
                cut.append("\(event.split(separator: " ")[0]) restart")
            }
        }
        restarted.play(cut, until: 1000)
        let place = zip(restarted.log, room.log).enumerated().first { $1.0 != $1.1 }?.offset ?? room.log.count
        #expect(
            restarted.log == room.log,
            "first at \(restarted.log[place...].prefix(3)) instead of \(room.log[place...].prefix(3)): \(cut)")
        // A clock that jumps changes nothing.
        var steady = Room(plan)
        steady.play(events.filter { !$0.contains("clock") }, until: 1000)
        #expect(steady.log == room.log)
    }

    /// Without ends of what never began, and data that stop of nothing.
    private func sensible(_ events: [String]) -> [String] {
        var up: Set<String> = []
        return events.filter { event in
            let words = event.split(separator: " ").map(String.init)
            guard ["fire", "end", "lose"].contains(words[1]) else { return true }
            let key = words[2] + " " + words[3]
            if words[1] == "fire" {
                up.insert(key)
                return true
            }
            defer { if words[1] == "end" { up.remove(key) } }
            return up.contains(key)
        }
    }

    private func check(_ room: Room) {
        for recipient in ["duty", "boss"] {
            var seen: [String: String] = [:]
            for line in room.told {
                let words = line.split(separator: " ").map(String.init)
                guard words[1] == recipient + ":" else { continue }
                let key = words[3] + " " + words[4]
                let before = seen[key] ?? "over"
                #expect(words[2] != "over" || before != "over", "an end without a beginning: \(line)")
                seen[key] = words[2]
            }
            // After all that time everybody knows what is.
            for (key, shown) in seen {
                let words = key.split(separator: " ").map(String.init)
                let alert = room.key(words[0], words[1])
                let isUp = room.up[alert] != nil
                // It is in good hands, or kept under its cause.
                if recipient == "boss", isUp, room.taken.contains(alert) { continue }
                if isUp, room.standings[alert]?[recipient]?.hold?.reason == .cause { continue }
                #expect((shown != "over") == isUp, "\(recipient) takes \(key) for \(shown)")
            }
        }
    }
}
