import Basics
public import Contract
import Telemetry

// Who sends what gives no reading.
extension Archive {
    /// Of whom messages came that gave no reading, and why: those of which readings are missing first, then by the number
    /// of messages since the last reading.
    public func unread() throws(StoreError) -> [RejectsAnswer.Unread] {
        try withSnapshot { connection throws(StoreError) in try unread(connection) }
    }

    /// `wants` says of which devices, by place in the registry; nil for all, and for what is of none.
    func unread(
        _ connection: Connection, cause: Unread.Cause? = nil, of wants: ((Int) -> Bool)? = nil
    ) throws(StoreError) -> [RejectsAnswer.Unread] {
        let tally = try UnreadTally(connection)
        var answers: [RejectsAnswer.Unread] = []
        for row in tally.rows where row.count > 0 && cause.map({ $0 == row.key.cause }) ?? true {
            let device = row.key.device
            guard device >= 0 else {
                let about: RejectsAnswer.Unread.About = device == UnreadTally.others ? .others : .nobody
                // Whoever asks for one device must know that its messages may be among those.
                if wants == nil || about == .others { answers.append(answer(row, about, device: nil)) }
                continue
            }
            guard device < registry.deviceCount, wants?(Int(device)) ?? true else { continue }
            // A run that is over was ended by a reading.
            let index = DeviceIndex(rawValue: UInt32(device))
            // Nor did one give none whose readings were taken out.
            let hasReadings = row.run == 0 ? true : try hasReadings(index, connection)
            let forgottenAt = hasReadings ? nil : try ForgottenDevice.at(index, connection)
            let hasEverRead = hasReadings || forgottenAt != nil
            let cadence =
                row.run == 0
                ? nil : try connection.integer("SELECT cadence_ms FROM device WHERE id = ?", .integer(device))
            var found = answer(row, .device, device: registry.devices[Int(device)].name)
            found.hasEverRead = hasEverRead
            found.forgottenAt = forgottenAt
            found.isStanding = Unread.isStanding(
                row.key.cause, messages: row.run, over: .milliseconds(row.lastListened - row.runListened),
                age: newestMoment.map { $0.listened - SteadyTime(milliseconds: row.runListened) },
                hasEverRead: hasEverRead, cadence: cadence.map { .milliseconds($0) })
            answers.append(found)
        }
        return answers.sorted { left, right in
            (left.rank, -left.messagesSinceReading, left.device ?? "", left.cause)
                < (right.rank, -right.messagesSinceReading, right.device ?? "", right.cause)
        }
    }

    private func answer(
        _ row: UnreadTally.Row, _ about: RejectsAnswer.Unread.About, device: String?
    ) -> RejectsAnswer.Unread {
        RejectsAnswer.Unread(
            about: about, device: device, cause: row.key.cause.rawValue, messages: row.count,
            since: Timestamp(milliseconds: row.since), lastAt: Timestamp(milliseconds: row.lastAt),
            listenedSeconds: newestMoment.map {
                max(.zero, $0.listened - SteadyTime(milliseconds: row.lastListened)).inSeconds
            },
            messagesSinceReading: row.run,
            sinceReading: row.run > 0 ? Timestamp(milliseconds: row.runSince) : nil, topic: row.topic)
    }

    /// Whether any reading of the device was ever stored: a series alone may be that of a value outside its range.
    func hasReadings(_ device: DeviceIndex, _ connection: Connection) throws(StoreError) -> Bool {
        for stream in registry.streams(of: device) {
            if stream.index < tail.current.count, tail.current[stream.index] != .min { return true }
            for series in registry.streams[stream.index].columns
            where try connection.integer("SELECT 1 FROM latest WHERE series = ?", .integer(Int64(series.rawValue)))
                != nil
            {
                return true
            }
        }
        return false
    }

    /// Devices of which messages come and readings do not, by place in the registry.
    func unreadDevices(_ connection: Connection) throws(StoreError) -> Set<Int> {
        var places: Set<Int> = []
        for found in try unread(connection) where found.isStanding {
            if let device = found.device.flatMap({ registry.device(named: $0) }) { places.insert(device.index) }
        }
        return places
    }
}
