import Basics
import Telemetry

/// Of which devices the message in hand gave a reading, or was counted without one.
struct UnreadDevices {
    /// By device: the message that met it last. Grows with the first message that needs it.
    private var stamps: [UInt32] = []
    private var stamp: UInt32 = 0

    mutating func begin() {
        stamp &+= 1
        guard stamp == 0 else { return }
        for device in stamps.indices { stamps[device] = 0 }
        stamp = 1
    }

    /// False where the message has met the device already.
    mutating func meet(_ device: DeviceIndex) -> Bool {
        if device.index >= stamps.count {
            stamps.append(contentsOf: repeatElement(0, count: device.index + 1 - stamps.count))
        }
        guard stamps[device.index] != stamp else { return false }
        stamps[device.index] = stamp
        return true
    }
}

// Every message that gives no reading is noted once for each device that it is about, and once where it is about none.
extension MessageDecoder {
    /// An item whose device is known, and of which no reading came.
    @inline(never)
    mutating func noteUnreadItem(_ rule: RulePlan, hasFaults: Bool, hasStatus: Bool, _ batch: inout DecodedBatch) {
        let cause: Unread.Cause =
            if hasFaults, let fault = batch.rejects.last {
                .rejected(fault.reason)
            } else if hasStatus {
                .status
            } else if rule.holdKey >= 0, rule.readings.isEmpty, rule.table < 0 {
                .held
            } else if message.payload.isEmpty {
                .cleared
            } else if item.hasNoRow {
                .noRow
            } else {
                .nothing
            }
        batch.unread.append(Unread(device: item.device, cause: cause))
    }

    /// Of the items noted those stay whose device the message gives no reading of, each device once.
    @inline(never)
    mutating func settleUnread(gaveReadings: Bool, _ batch: inout DecodedBatch, _ registry: SeriesRegistry) {
        unreadDevices.begin()
        if gaveReadings {
            for reading in batch.readings[rows.readingsBefore...] {
                _ = unreadDevices.meet(registry.series[reading.series.index].device)
            }
        }
        let topic = batch.unreadTopics.count
        var kept = message.unreadBefore
        for position in message.unreadBefore..<batch.unread.count {
            guard let device = batch.unread[position].device, unreadDevices.meet(device) else { continue }
            batch.unread[kept] = batch.unread[position]
            kept += 1
        }
        batch.unread.removeSubrange(kept...)
        guard kept > message.unreadBefore else { return }
        batch.unreadTopics.append(contentsOf: message.topic.prefix(Reject.topicBytesMax))
        for position in message.unreadBefore..<kept { batch.unread[position].topic = topic..<batch.unreadTopics.count }
    }

    /// A message of which no item has a device.
    @inline(never)
    mutating func noteUnread(
        wholeMessageUnder list: UInt32, isIgnored: Bool, _ batch: inout DecodedBatch, _ registry: SeriesRegistry
    ) {
        if batch.rejects.count > message.rejectsBefore {
            let fault = batch.rejects[message.rejectsBefore]
            let device = fault.device ?? deviceOfTopic(list, registry)
            return noteUnread(.rejected(fault.reason), of: device, &batch)
        }
        let cause: Unread.Cause =
            if isIgnored {
                .ignored
            } else if message.isHeld {
                .held
            } else if message.payload.isEmpty {
                .cleared
            } else if message.hasEmptyList {
                .emptyList
            } else {
                .nothing
            }
        noteUnread(cause, of: deviceOfTopic(list, registry), &batch)
    }

    mutating func noteUnread(_ cause: Unread.Cause, of device: DeviceIndex?, _ batch: inout DecodedBatch) {
        let topic = batch.unreadTopics.count
        batch.unreadTopics.append(contentsOf: message.topic.prefix(Reject.topicBytesMax))
        batch.unread.append(Unread(device: device, cause: cause, topic: topic..<batch.unreadTopics.count))
    }

    /// Whose message it is by its topic alone, where a rule of the list names a device so and it is known.
    mutating func deviceOfTopic(_ list: UInt32, _ registry: SeriesRegistry) -> DeviceIndex? {
        for position in plan.ruleLists[list].range {
            let rule = plan.rules[plan.ruleOrder[position]]
            guard rule.namesDevice else { continue }
            let naming = plan.namings[rule.device]
            guard naming.reference < 0, naming.template >= 0, plan.templates[UInt32(naming.template)].isOfTopic else {
                continue
            }
            return written(UInt32(naming.template)).flatMap { registry.device(named: $0) }
        }
        return nil
    }
}
