import Basics
import Telemetry

/// Keeps the readings of one message in rows: those that share device and time stand together, none twice. What another item
/// of the message tells of the same series and time is in a row behind, as if a later message had told it.
///
/// Where the message bears no time of its own each of its items is a reading: a series that a second item tells again is of
/// another row.
struct RowKeeper {
    private struct Row {
        var device: DeviceIndex
        var observed: Timestamp
        var piece: Int32
        var start: Int
        var hasNewSeries: Bool
        /// The item that told it; `mixed` where several did, none of which told a series again.
        var node: Int
        /// The greatest, raw.
        var seriesMax: UInt32

        static let mixed = -2
    }

    private(set) var readingsBefore = 0
    private var suspectsBefore = 0
    private var rows: [Row] = []
    /// New series of suspects, which need a stream like any other: position in `suspects` and the row's key.
    private var newSuspects: [(position: Int, device: DeviceIndex)] = []
    /// By series: the stamp of the row that had it last.
    private var stamps: [UInt32] = []
    private var stamp: UInt32 = 0
    /// By series: the last message without a time that had it, in which item and which row.
    private var pieces: [(message: UInt32, node: Int, piece: Int32)] = []
    private var messageCount: UInt32 = 0
    /// What stands for `piece` where the reading bears its own time.
    static let ownTime: Int32 = -1
    /// The series of the newest reading: a guess at the next one, never trusted.
    var lastSeries: UInt32 = 0

    mutating func begin(readingCount: Int, suspectCount: Int) {
        readingsBefore = readingCount
        suspectsBefore = suspectCount
        rows.removeAll(keepingCapacity: true)
        newSuspects.removeAll(keepingCapacity: true)
        messageCount &+= 1
    }

    /// In which of the rows of a message without a time a reading stands: the next one where an item before told its series.
    mutating func piece(of series: SeriesID, node: Int) -> Int32 {
        while pieces.count <= series.index { pieces.append((0, 0, 0)) }
        var entry = pieces[series.index]
        if entry.message != messageCount {
            entry = (messageCount, node, 0)
        } else if entry.node != node {
            entry = (messageCount, node, entry.piece + 1)
        }
        pieces[series.index] = entry
        return entry.piece
    }

    /// Says that a reading of an item is about to be appended.
    @inline(__always)
    mutating func add(
        _ device: DeviceIndex, _ observed: Timestamp, _ piece: Int32, _ series: SeriesID, node: Int, at position: Int,
        isNewSeries: Bool
    ) {
        let last = rows.count &- 1
        if last >= 0, rows[last].device == device, rows[last].observed == observed, rows[last].piece == piece,
            rows[last].node == node || series.rawValue > rows[last].seriesMax
        {
            if isNewSeries { rows[last].hasNewSeries = true }
            if rows[last].node != node { rows[last].node = Row.mixed }
            rows[last].seriesMax = max(rows[last].seriesMax, series.rawValue)
            return
        }
        rows.append(
            Row(
                device: device, observed: observed, piece: piece, start: position, hasNewSeries: isNewSeries,
                node: node, seriesMax: series.rawValue))
    }

    mutating func noteNewSuspect(at position: Int, device: DeviceIndex) {
        newSuspects.append((position: position, device: device))
    }

    /// Joins what belongs together, drops repetitions, and gives new series their streams.
    mutating func finish(_ batch: inout DecodedBatch, _ registry: inout SeriesRegistry, isRetained: Bool) {
        if rows.count > 1 { join(&batch.readings) }
        var index = 0
        while index < rows.count {
            if !isAscending(batch.readings[range(of: index, batch.readings.count)]) {
                dropRepetitions(at: index, &batch.readings)
            }
            if rows[index].hasNewSeries {
                registry.closeRow(batch.readings[range(of: index, batch.readings.count)])
            }
            if rows[index].piece != Self.ownTime {
                let row = range(of: index, batch.readings.count)
                batch.stamped.append(StampedRow(start: row.lowerBound, end: row.upperBound, isRetained: isRetained))
            }
            index &+= 1
        }
        if !newSuspects.isEmpty { closeSuspects(&batch, &registry) }
    }

    private func range(of index: Int, _ end: Int) -> Range<Int> {
        rows[index].start..<(index &+ 1 < rows.count ? rows[index &+ 1].start : end)
    }

    /// A device that always sends the same keys has its series in ascending order: nothing can be there twice.
    private func isAscending(_ row: ArraySlice<Reading>) -> Bool {
        var previous = row.startIndex
        var index = previous &+ 1
        while index < row.endIndex {
            if row[index].series <= row[previous].series { return false }
            previous = index
            index &+= 1
        }
        return true
    }

    /// Of two readings of one series in one row, which one item told, the first stays.
    private mutating func dropRepetitions(at index: Int, _ readings: inout [Reading]) {
        stamp &+= 1
        if stamp == 0 {
            for series in stamps.indices { stamps[series] = 0 }
            stamp = 1
        }
        let row = range(of: index, readings.count)
        var kept = row.lowerBound
        for position in row {
            let series = readings[position].series.index
            if series >= stamps.count {
                stamps.append(contentsOf: repeatElement(0, count: series + 1 - stamps.count + stamps.count / 2))
            }
            if stamps[series] == stamp { continue }
            stamps[series] = stamp
            readings[kept] = readings[position]
            kept += 1
        }
        let dropped = row.upperBound - kept
        guard dropped > 0 else { return }
        readings.removeSubrange(kept..<row.upperBound)
        for later in rows.indices.dropFirst(index + 1) { rows[later].start -= dropped }
    }

    /// Brings rows of the same device and time together, in the order in which each was first met.
    private mutating func join(_ readings: inout [Reading]) {
        let order = rows.indices.sorted { left, right in
            let (a, b) = (rows[left], rows[right])
            return (a.device, a.observed, a.piece, a.start) < (b.device, b.observed, b.piece, b.start)
        }
        var leader = Array(rows.indices)
        var hasTwins = false
        for (previous, next) in zip(order, order.dropFirst())
        where rows[previous].device == rows[next].device && rows[previous].observed == rows[next].observed
            && rows[previous].piece == rows[next].piece
        {
            leader[next] = leader[previous]
            hasTwins = true
        }
        guard hasTwins else { return }
        var joined: [Reading] = []
        joined.reserveCapacity(readings.count - readingsBefore)
        var joinedRows: [Row] = []
        // Stable by leader: rows keep their order inside.
        let byLeader = rows.indices.sorted { (leader[$0], $0) < (leader[$1], $1) }
        var begin = 0
        while begin < byLeader.count {
            var end = begin + 1
            while end < byLeader.count, leader[byLeader[end]] == leader[byLeader[begin]] { end += 1 }
            for layer in layers(byLeader[begin..<end], readings) {
                var row = rows[byLeader[begin]]
                row.start = readingsBefore + joined.count
                row.hasNewSeries = layer.hasNewSeries
                joinedRows.append(row)
                joined += layer.readings
            }
            begin = end
        }
        readings.replaceSubrange(readingsBefore..., with: joined)
        rows = joinedRows
    }

    private struct Layer {
        var readings: [Reading] = []
        var hasNewSeries = false
    }

    /// The readings of rows of one device and time, oldest first: what one item tells of a series after another is of the
    /// next layer.
    private func layers(_ twins: ArraySlice<Int>, _ readings: [Reading]) -> [Layer] {
        if twins.count == 1, let row = twins.first {
            return [
                Layer(readings: Array(readings[range(of: row, readings.count)]), hasNewSeries: rows[row].hasNewSeries)
            ]
        }
        var layers: [Layer] = []
        var told: [SeriesID: (node: Int, layer: Int)] = [:]
        for row in twins {
            for reading in readings[range(of: row, readings.count)] {
                let before = told[reading.series]
                let isSameItem = before?.node == rows[row].node && rows[row].node != Row.mixed
                let layer = before.map { isSameItem ? $0.layer : $0.layer + 1 } ?? 0
                told[reading.series] = (rows[row].node, layer)
                if layer == layers.count { layers.append(Layer()) }
                layers[layer].readings.append(reading)
                if rows[row].hasNewSeries { layers[layer].hasNewSeries = true }
            }
        }
        return layers
    }

    /// A new series of a suspect joins the stream of the row it would have stood in.
    private func closeSuspects(_ batch: inout DecodedBatch, _ registry: inout SeriesRegistry) {
        for suspect in newSuspects {
            let reading = batch.suspects[suspect.position]
            var row: [Reading] = []
            if let index = rows.firstIndex(where: { $0.device == suspect.device && $0.observed == reading.observed }) {
                row = Array(batch.readings[range(of: index, batch.readings.count)])
            } else {
                // Suspects alone: those of one device and time share a stream.
                row = newSuspects.filter { $0.device == suspect.device }.map { batch.suspects[$0.position] }
                    .filter { $0.observed == reading.observed }
            }
            row.append(reading)
            registry.closeRow(row[...])
        }
    }
}
