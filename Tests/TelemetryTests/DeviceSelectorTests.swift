import Basics
import Telemetry
import Testing

@Suite("DeviceSelector")
struct DeviceSelectorTests {
    private static let lamp = RosterEntry(
        device: "lamp-12", profile: "lamps", area: "Lixia", circuit: "c-1", cadence: .seconds(60),
        labels: ["owner": "east", "road": "Jingshi Lu"])

    @Test(
        "every key must fit, by one of its words",
        arguments: [
            (DeviceSelector.all, true), (DeviceSelector(names: ["lamp-*2"]), true),
            (DeviceSelector(names: ["pole-*", "lamp-1?"]), true), (DeviceSelector(names: ["lamp-1"]), false),
            (DeviceSelector(profiles: ["poles", "lamps"], areas: ["Lixia"]), true),
            (DeviceSelector(profiles: ["lamps"], areas: ["Shizhong"]), false),
            (DeviceSelector(circuits: ["c-2", "c-1"]), true), (DeviceSelector(circuits: ["c-*"]), false),
            (DeviceSelector(labels: ["owner": ["west", "ea*"], "road": ["Jing*"]]), true),
            (DeviceSelector(labels: ["owner": ["east"], "road": ["Lishan*"]]), false),
            (DeviceSelector(labels: ["shift": ["*"]]), false),
        ])
    func matches(selector: DeviceSelector, isMeant: Bool) { #expect(selector.matches(Self.lamp) == isMeant) }

    @Test("a device that the roster does not name has no area, circuit or label")
    func unlisted() {
        func means(_ selector: DeviceSelector) -> Bool { selector.matches(name: "lamp-12", profile: "lamps", nil) }
        #expect(means(.all) && means(DeviceSelector(names: ["lamp-*"], profiles: ["lamps"])))
        #expect(!means(DeviceSelector(areas: ["Lixia"])) && !means(DeviceSelector(circuits: ["c-1"])))
        #expect(!means(DeviceSelector(labels: ["owner": ["*"]])))
    }

    @Test("a circuit or an area is meant where one of its devices is, the gateway where nothing is selected")
    func subjects() {
        var registry = SeriesRegistry()
        let device = registry.intern(device: "lamp-12", profile: "lamps")!
        let line = Roster.Line(entry: Self.lamp, since: Timestamp(milliseconds: 0))
        let roster = Roster([device: line]).with(labels: [ByteName("lamp-12"): ["owner": "west"]])
        let west = DeviceSelector(labels: ["owner": ["west"]])
        for subject in [Subject.device(device), .circuit("c-1"), .area("Lixia")] {
            #expect(west.means(subject, roster, registry))
            #expect(!DeviceSelector(names: ["pole-*"]).means(subject, roster, registry))
        }
        #expect(!west.means(.circuit("c-2"), roster, registry))
        for subject in [Subject.gateway, .broker] {
            #expect(DeviceSelector.all.means(subject, roster, registry) && !west.means(subject, roster, registry))
        }
    }

    @Test("two are the same where their words are the same bytes, and only then say the same")
    func same() {
        let all: [DeviceSelector] = [
            .all, DeviceSelector(names: ["a"]), DeviceSelector(profiles: ["a"]), DeviceSelector(areas: ["a"]),
            DeviceSelector(circuits: ["a"]), DeviceSelector(labels: ["a": ["a"]]),
            DeviceSelector(labels: ["a": ["a", "b"]]), DeviceSelector(names: ["a", "b"]),
            DeviceSelector(names: ["a, b"]), DeviceSelector(areas: ["\u{E9}"]), DeviceSelector(areas: ["e\u{301}"]),
            DeviceSelector(labels: ["a": ["\u{E9}"]]), DeviceSelector(labels: ["a": ["e\u{301}"]]),
        ]
        for left in all.indices {
            for right in all.indices {
                #expect((all[left] == all[right]) == (left == right))
                #expect((ByteName(all[left].content) == ByteName(all[right].content)) == (left == right))
            }
        }
    }
}
