import Basics
import Telemetry

/// The rejects in core.db: all are counted, and of the messages those are kept that a budget of bytes holds.
///
/// Where it is full, whoever takes the most of it makes room: of the device and reason with the most bytes the oldest go. So one
/// device that sends nothing else does not throw out what is known of the others.
struct RejectBudget {
    private let bytesMax: Int64
    /// What those that are kept come to.
    private var bytes: Int64 = 0
    private var groups: [Group: Kept] = [:]

    /// -1 where the message could not be told to be of a device.
    fileprivate struct Group: Hashable {
        var device: Int64
        var reason: String
    }

    /// The rejects of a group that are in core.db, by rising id.
    private struct Kept {
        private var entries: [(id: Int64, bytes: Int64)] = []
        /// Those before it are gone.
        private var first = 0
        private(set) var bytes: Int64 = 0

        var count: Int { entries.count - first }

        /// The one at this place of those that are there.
        func entry(_ place: Int) -> (id: Int64, bytes: Int64) { entries[first + place] }

        mutating func append(_ id: Int64, _ size: Int64) {
            entries.append((id, size))
            bytes += size
        }

        mutating func removeOldest(_ count: Int) {
            for place in 0..<count { bytes -= entry(place).bytes }
            first += count
            if first > entries.count / 2 {
                entries.removeFirst(first)
                first = 0
            }
        }
    }

    /// What a transaction changes, for `settle` once it is on disk.
    struct Change {
        fileprivate var inserted: [(group: Group, id: Int64, bytes: Int64)] = []
        fileprivate var dropped: [Group: Int] = [:]
    }

    init(_ core: Connection, bytesMax: Int) throws(StoreError) {
        self.bytesMax = Int64(bytesMax)
        var (groups, bytes) = (groups, bytes)
        try core.rows("SELECT id, coalesce(device, -1) AS device, reason, bytes FROM reject ORDER BY id") { row in
            let size = row.integer("bytes")
            groups[Group(device: row.integer("device"), reason: row.text("reason")), default: Kept()]
                .append(row.integer("id"), size)
            bytes += size
        }
        (self.groups, self.bytes) = (groups, bytes)
    }

    /// Inserts rejects, in the caller's transaction, and deletes what goes beyond the budget, which is added to `dropped`.
    func insert(_ rejects: [Reject], _ core: Connection, dropped: inout Int64) throws(StoreError) -> Change {
        var change = Change()
        var added: Int64 = 0
        for reject in rejects {
            let size = Int64(reject.detail.utf8.count + reject.topic.utf8.count + reject.payload.count + 64)
            added += size
            let device = reject.device.map { Int64($0.rawValue) }
            try core.run(
                """
                INSERT INTO reject(received, reason, detail, topic, payload, payload_bytes, device, bytes)
                VALUES (?, ?, ?, ?, ?, ?, ?, ?)
                """, .integer(reject.receivedAt.milliseconds), .text(reject.reason.rawValue), .text(reject.detail),
                .text(reject.topic), .blob(reject.payload), .integer(Int64(reject.payloadByteCount)),
                .optional(device), .integer(size))
            change.inserted.append(
                (Group(device: device ?? -1, reason: reject.reason.rawValue), core.lastInsertedID, size))
            try core.run(
                """
                INSERT INTO reject_count VALUES (?, ?, 1, ?)
                ON CONFLICT(device, reason) DO UPDATE SET n = n + 1, last_at = max(last_at, excluded.last_at)
                """, .integer(device ?? -1), .text(reject.reason.rawValue),
                .integer(reject.receivedAt.milliseconds))
        }
        if bytes + added > bytesMax {
            try makeRoom(bytes + added - bytesMax, &change, core, dropped: &dropped)
        }
        return change
    }

    private func makeRoom(
        _ needed: Int64, _ change: inout Change, _ core: Connection, dropped: inout Int64
    ) throws(StoreError) {
        var fresh: [Group: [(id: Int64, bytes: Int64)]] = [:]
        for one in change.inserted { fresh[one.group, default: []].append((one.id, one.bytes)) }
        // What each takes, the new ones included; of equals the one whose oldest is the oldest.
        var sizes = groups.mapValues(\.bytes)
        for (group, entries) in fresh { sizes[group, default: 0] += entries.reduce(0) { $0 + $1.bytes } }
        func oldest(_ group: Group) -> (id: Int64, bytes: Int64)? {
            let gone = change.dropped[group] ?? 0
            let kept = groups[group]?.count ?? 0
            if gone < kept { return groups[group]!.entry(gone) }
            let rest = fresh[group] ?? []
            return gone - kept < rest.count ? rest[gone - kept] : nil
        }
        let delete = try core.statement("DELETE FROM reject WHERE id = ?")
        var needed = needed
        while needed > 0 {
            let ranked = sizes.max { left, right in
                left.value != right.value
                    ? left.value < right.value : (oldest(left.key)?.id ?? .max) > (oldest(right.key)?.id ?? .max)
            }
            guard let largest = ranked?.key, oldest(largest) != nil else { return }
            let second = sizes.reduce(0) { $1.key == largest ? $0 : max($0, $1.value) }
            // Down to the next one's size, and one more.
            repeat {
                guard let (id, size) = oldest(largest) else { break }
                delete.bind([.integer(id)])
                try delete.run()
                change.dropped[largest, default: 0] += 1
                dropped += 1
                needed -= size
                sizes[largest]! -= size
            } while needed > 0 && sizes[largest]! > second
        }
    }

    mutating func settle(_ change: Change) {
        for one in change.inserted {
            groups[one.group, default: Kept()].append(one.id, one.bytes)
            bytes += one.bytes
        }
        for (group, count) in change.dropped {
            let before = groups[group]!.bytes
            groups[group]!.removeOldest(count)
            bytes -= before - groups[group]!.bytes
            if groups[group]!.count == 0 { groups[group] = nil }
        }
    }
}
