import Basics
import Frames
import Telemetry

/// When a device was last heard, and what it said of its link: as `device` has it, and what came since.
struct DeviceLink: Sendable {
    /// By the wall clock; `.min` where it was never heard.
    var lastHeard: Int64 = .min
    /// The same by the steady clock.
    var lastHeardSteady: Int64 = .min
    var word = LinkWord()
    /// Changed since core.db last took it.
    var isNew = false

    /// As a row of `device` has it.
    init(_ row: Statement) {
        lastHeard = row.optionalInteger("last_heard") ?? .min
        lastHeardSteady = row.optionalInteger("last_heard_steady") ?? lastHeard
        guard let at = row.optionalInteger("status_at") else { return }
        word = LinkWord(
            isOnline: row.optionalInteger("is_online").map { $0 != 0 }, saidAt: Timestamp(milliseconds: at),
            isOver: row.optionalInteger("status_over") == 1)
    }

    init() {}

    /// Of every device, by its place.
    static func all(_ core: Connection) throws(StoreError) -> [DeviceLink] {
        var links: [DeviceLink] = []
        let columns =
            try Schema.version(of: core) >= 6
            ? "last_heard_steady, status_over" : "NULL AS last_heard_steady, NULL AS status_over"
        try core.rows("SELECT id, last_heard, is_online, status_at, \(columns) FROM device ORDER BY id") {
            row throws(StoreError) in
            links.grow(to: Int(row.integer("id")))
            links.append(DeviceLink(row))
        }
        return links
    }
}

extension [DeviceLink] {
    /// The same law as the heart's, `DeviceHealth`.
    mutating func follow(_ turn: Turn) { follow(statuses: turn.statuses, heard: turn.heard, at: turn.moment) }

    mutating func follow(statuses: [DeviceStatus], heard: [Hearing], at moment: Moment) {
        for hearing in heard {
            grow(to: hearing.device.index + 1)
            if self[hearing.device.index].word.absorb(hearing, isOfTurn: false) {
                self[hearing.device.index].isNew = true
            }
        }
        for status in statuses {
            let place = status.device.index
            grow(to: place + 1)
            let last = self[place].lastHeard
            let lastHeard = last == .min ? nil : Timestamp(milliseconds: last)
            if self[place].word.absorb(status, lastHeard: lastHeard) { self[place].isNew = true }
        }
        for hearing in heard {
            let place = hearing.device.index
            if !statuses.isEmpty, self[place].word.absorb(hearing, isOfTurn: true) { self[place].isNew = true }
            let passed = Swift.max(0, moment.wall.milliseconds - hearing.at.milliseconds)
            let steady = moment.steady.milliseconds - passed
            if steady >= self[place].lastHeardSteady {
                self[place].lastHeard = hearing.at.milliseconds
                self[place].lastHeardSteady = steady
                self[place].isNew = true
            }
        }
    }

    mutating func grow(to count: Int) {
        while self.count < count { append(DeviceLink()) }
    }
}
