public import Basics

/// How much there is, and how it goes.
public struct StatusAnswer: Codable, Hashable, Sendable {
    /// Messages since the store was made; the counters below count readings unless they say otherwise.
    public var received: Int64
    /// Fresh ones, on disk.
    public var committed: Int64
    /// Dropped: the same value at the same time was there already.
    public var duplicates: Int64
    /// They replaced another value of the same series and time.
    public var corrected: Int64
    /// Messages or parts of messages.
    public var rejected: Int64
    /// Of those, the ones whose message is no longer kept (`store.reject_bytes`).
    public var rejectsDropped: Int64
    /// Outside the plausible range of their quantity.
    public var suspect: Int64
    /// Fresh ones that arrived behind a newer one of their stream.
    public var late: Int64
    /// Messages.
    public var ignored: Int64
    /// Messages.
    public var empty: Int64
    /// Journal rows that could not be read at a start.
    public var damagedRows: Int64
    /// Series that are known.
    public var series: Int
    /// Devices that are known, those that never spoke included.
    public var devices: Int
    /// Those that the roster names.
    public var devicesExpected: Int
    /// Alerts in phase `firing` or `clearing`.
    public var alertsFiring: Int
    /// Alerts in phase `pending`.
    public var alertsPending: Int
    /// Alerts in phase `unknown`.
    public var alertsUnknown: Int
    /// The newest journal row.
    public var journalID: Int64
    /// Rows that wait for the next seal.
    public var journalRows: Int64
    /// Bytes of those rows.
    public var journalBytes: Int64
    /// The first UTC day with sealed readings, such as `2026-03-05`; nil where nothing is sealed.
    public var oldestDay: String?
    /// The last UTC day with sealed readings.
    public var newestDay: String?
    /// Of all files of the store.
    public var storeBytes: Int64
    /// nil before the first commit.
    public var lastCommitAt: Timestamp?
    /// How long ago that was, by a clock that nobody sets; nil before the first, and where an earlier version kept the wall
    /// clock's time alone and that was set since.
    public var lastCommitSecondsAgo: Double?
    /// The last journal row whose alerts are recorded.
    public var evaluatedThrough: Int64
    /// Notifications not delivered yet.
    public var outboxPending: Int
    /// Devices of which messages come and readings do not; `RejectsAnswer.unread` names them.
    public var devicesUnread: Int
    /// When alerts, their stories and what people did about them were last lost with core.db; nil where they never were.
    public var storyLostAt: Timestamp?

    enum CodingKeys: String, CodingKey {
        case received, committed, duplicates, corrected, rejected, suspect, late, ignored, empty, series, devices
        case rejectsDropped = "rejects_dropped"
        case damagedRows = "damaged_rows"
        case devicesExpected = "devices_expected"
        case alertsFiring = "alerts_firing"
        case alertsPending = "alerts_pending"
        case alertsUnknown = "alerts_unknown"
        case journalID = "journal_id"
        case journalRows = "journal_rows"
        case journalBytes = "journal_bytes"
        case oldestDay = "oldest_day"
        case newestDay = "newest_day"
        case storeBytes = "store_bytes"
        case lastCommitAt = "last_commit_at"
        case lastCommitSecondsAgo = "last_commit_seconds_ago"
        case evaluatedThrough = "evaluated_through"
        case outboxPending = "outbox_pending"
        case devicesUnread = "devices_unread"
        case storyLostAt = "story_lost_at"
    }

    package init(
        received: Int64, committed: Int64, duplicates: Int64, corrected: Int64, rejected: Int64, rejectsDropped: Int64,
        suspect: Int64,
        late: Int64, ignored: Int64, empty: Int64, damagedRows: Int64, series: Int, devices: Int, devicesExpected: Int,
        alertsFiring: Int, alertsPending: Int, alertsUnknown: Int, journalID: Int64, journalRows: Int64,
        journalBytes: Int64, oldestDay: String? = nil, newestDay: String? = nil, storeBytes: Int64,
        lastCommitAt: Timestamp? = nil, lastCommitSecondsAgo: Double? = nil, evaluatedThrough: Int64,
        outboxPending: Int,
        devicesUnread: Int, storyLostAt: Timestamp? = nil
    ) {
        self.received = received
        self.committed = committed
        self.duplicates = duplicates
        self.corrected = corrected
        self.rejected = rejected
        self.rejectsDropped = rejectsDropped
        self.suspect = suspect
        self.late = late
        self.ignored = ignored
        self.empty = empty
        self.damagedRows = damagedRows
        self.series = series
        self.devices = devices
        self.devicesExpected = devicesExpected
        self.alertsFiring = alertsFiring
        self.alertsPending = alertsPending
        self.alertsUnknown = alertsUnknown
        self.journalID = journalID
        self.journalRows = journalRows
        self.journalBytes = journalBytes
        self.oldestDay = oldestDay
        self.newestDay = newestDay
        self.storeBytes = storeBytes
        self.lastCommitAt = lastCommitAt
        self.lastCommitSecondsAgo = lastCommitSecondsAgo
        self.evaluatedThrough = evaluatedThrough
        self.outboxPending = outboxPending
        self.devicesUnread = devicesUnread
        self.storyLostAt = storyLostAt
    }
}
