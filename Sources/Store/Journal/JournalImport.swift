import Basics
public import Contract
import Frames
public import Telemetry

extension Journal {

    /// Commits imported readings as live ones, in one synced transaction. New devices get `profile`. `person` is who brings
    /// them: he stands beside each value that they take the place of.
    ///
    /// Nobody is heard by it: the devices said these things at another time, or to another gateway. Throws as `commit`.
    public func commit(
        imported readings: NamedReadings, profile: String, by person: String, at moment: Moment
    ) throws(StoreError) -> (commit: Commit, receipt: ImportReceipt) {
        var receipt = ImportReceipt()
        let batch = readings.withNames { names in
            decode(readings.entries, names, profile: profile, now: moment.wall, &receipt)
        }
        let commit = try commit(batch, received: 0, by: person, at: moment)
        for reading in openRows.refused {
            let why =
                FrameKey.times.contains(reading.observed.milliseconds)
                ? "a day that is no longer kept, as store.retention says"
                : "the store takes times up to \(FrameKey.lastDay)"
            receipt.refuse(0, "observed: '\(reading.observed)': \(why)")
        }
        receipt.fresh = commit.turn.fresh.count
        receipt.duplicates = commit.duplicates
        receipt.corrected = commit.turn.corrections.count
        return (commit, receipt)
    }

    private func decode(
        _ entries: [NamedReadings.Entry], _ names: UnsafeRawBufferPointer, profile: String, now: Timestamp,
        _ receipt: inout ImportReceipt
    ) -> DecodedBatch {
        var batch = DecodedBatch()
        batch.readings.reserveCapacity(entries.count)
        let times = FrameKey.times.lowerBound...(now + TimeFence.ahead).milliseconds
        var rowStart = 0
        var rowDevice: DeviceIndex?
        var rowTime = Timestamp(milliseconds: .min)
        var rowHasNewSeries = false
        func closeRow() {
            if rowHasNewSeries { settle(batch.readings[rowStart...]) }
            rowStart = batch.readings.count
            rowHasNewSeries = false
        }
        for entry in entries {
            guard times.contains(entry.observed.milliseconds) else {
                receipt.refuse(
                    entry.line,
                    "observed: '\(entry.observed)': expected a time from 1970-01-01 to an hour from now, \(now)")
                continue
            }
            guard entry.value.isFinite else {
                receipt.refuse(entry.line, "value: '\(entry.value)': expected a finite number")
                continue
            }
            let name = UnsafeRawBufferPointer(rebasing: names[entry.device])
            guard let device = registry.intern(device: name, profile: profile) else {
                receipt.refuse(entry.line, refusal(of: name, registry.limits.devicesMax, "devices"))
                continue
            }
            let channelName = UnsafeRawBufferPointer(rebasing: names[entry.channel])
            guard let channel = registry.intern(channel: channelName) else {
                receipt.refuse(entry.line, refusal(of: channelName, registry.limits.channelsMax, "channels"))
                continue
            }
            let known = registry.seriesCount
            guard let series = registry.intern(device: device, quantity: entry.quantity, channel: channel) else {
                receipt.refuse(entry.line, refusal(of: name, registry.limits.seriesMax, "series"))
                continue
            }
            if device != rowDevice || entry.observed != rowTime {
                closeRow()
                (rowDevice, rowTime) = (device, entry.observed)
            }
            if registry.seriesCount > known { rowHasNewSeries = true }
            batch.readings.append(Reading(series: series, observed: entry.observed, value: entry.value))
        }
        closeRow()
        return batch
    }

    /// Gives the new series of a row their streams.
    ///
    /// A file in order of series brings each alone, and a stream of its own would part for ever what the device later
    /// sends together; so a new series joins the series that its device has.
    private func settle(_ row: ArraySlice<Reading>) {
        var row = Array(row)
        if let first = row.first {
            let device = registry.series[first.series.index].device
            if let stream = registry.streams(of: device).last, let mate = registry.streams[stream.index].columns.first {
                row.append(Reading(series: mate, observed: first.observed, value: first.value))
            }
        }
        registry.closeRow(row[...])
    }

    /// Why a name was not taken: it is not one, or there are too many.
    private func refusal(of name: UnsafeRawBufferPointer, _ limit: Int, _ what: String) -> String {
        guard let text = UsableName.text(name), !text.isEmpty else {
            return "expected a name of 1 to \(UsableName.bytesMax) bytes of UTF-8 without control characters"
        }
        return "'\(text)' is new and the limit of \(limit) \(what) is reached"
    }

    /// Whether the journal holds more than the next seal should take: then imports wait, live readings do not.
    public var isImportTooFast: Bool { journalBytes >= 2 * options.journalBytesMax }
}
