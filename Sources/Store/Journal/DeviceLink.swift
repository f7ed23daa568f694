import Basics
import Frames
import Telemetry

/// When a device was last heard, and its own last word about its link.
struct DeviceLink: Sendable {
    var lastHeard: Int64 = .min
    var isOnline = false
    /// `.min` where the device never said.
    var statusAt: Int64 = .min
    /// Changed since core.db last took it.
    var isNew = false
}

extension [DeviceLink] {
    mutating func follow(_ turn: Turn) { follow(statuses: turn.statuses, heard: turn.heard) }

    mutating func follow(statuses: [DeviceStatus], heard: [Hearing]) {
        for hearing in heard {
            let (device, at) = (hearing.device, hearing.at)
            grow(to: device.index + 1)
            if at.milliseconds > self[device.index].lastHeard {
                self[device.index].lastHeard = at.milliseconds
                self[device.index].isNew = true
            }
        }
        for status in statuses {
            grow(to: status.device.index + 1)
            if status.at.milliseconds >= self[status.device.index].statusAt {
                self[status.device.index].isOnline = status.isOnline
                self[status.device.index].statusAt = status.at.milliseconds
                self[status.device.index].isNew = true
            }
        }
    }

    private mutating func grow(to count: Int) {
        while self.count < count { append(DeviceLink()) }
    }
}
