import Basics
import Notification
import Telemetry
import Testing

@Suite("A notice")
struct AlertNoticeTests {
    private func json(_ subject: Subject.Kind, _ name: String) -> String {
        AlertNotice(
            alertID: 7, rule: "feeder-fault", subject: subject, name: name, quantity: nil, channel: nil,
            phase: .firing, severity: .critical, since: Timestamp(milliseconds: 0), at: Timestamp(milliseconds: 1000),
            value: 3, unit: nil, sentence: "say \"it\""
        ).json
    }

    @Test("names its device, and of what is larger than a device the kind and the name")
    func subjects() {
        #expect(
            json(.device, "lamp-1")
                == #"{"id":7,"rule":"feeder-fault","device":"lamp-1","phase":"firing","severity":"critical","#
                + #""since":"1970-01-01T00:00:00Z","at":"1970-01-01T00:00:01Z","value":3.0,"#
                + #""sentence":"say \"it\""}"#)
        #expect(json(.series, "lamp-1") == json(.device, "lamp-1"))
        #expect(
            json(.circuit, "circuit-1").hasPrefix(
                #"{"id":7,"rule":"feeder-fault","subject":"circuit","name":"circuit-1","phase":"firing""#))
    }

    @Test("is tried again after a second, twice as long each time, and every five minutes in the end")
    func schedule() {
        let schedule = DeliverySchedule()
        let seconds = [1, 2, 3, 9, 10, 40].map { schedule.delay(afterAttempts: $0).milliseconds / 1000 }
        #expect(seconds == [1, 2, 4, 256, 300, 300])
    }
}
