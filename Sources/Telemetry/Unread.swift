import Basics

/// A message, or what of one is about one device, that came and gave no reading.
///
/// Rejects are kept with their payload; these are counted, by device and by what is known of them, so that a device of
/// which messages come and readings do not can be named.
public struct Unread: Hashable, Sendable {
    /// nil where the message could not be told to be of one.
    public var device: DeviceIndex?
    /// Why it gave none.
    public var cause: Cause
    /// Place of its topic in `DecodedBatch.unreadTopics`.
    public var topic: Range<Int>

    package init(device: DeviceIndex?, cause: Cause, topic: Range<Int> = 0..<0) {
        self.device = device
        self.cause = cause
        self.topic = topic
    }

    /// Why a message gave no reading, by the names under which it is stored, counted and shown.
    public enum Cause: Hashable, Sendable, CaseIterable, RawRepresentable {
        /// A rule fits, and what it reads is absent, null, or marked as missing.
        case nothing
        /// The table of the rule has no row for the name that the message bears.
        case noRow
        /// What the rule goes over has no items.
        case emptyList
        /// An `ignore` rule fits.
        case ignored
        /// Without payload, as whoever clears a retained message sends it.
        case cleared
        /// It is kept for later messages, as a birth is.
        case held
        /// It says that the device is online or offline, and nothing else.
        case status
        /// The broker had kept it, and it says what is known.
        case known
        /// The same values at the same time are there already.
        case duplicate
        /// Other values at a time that is there already: they are kept, in place of the ones before.
        case corrected
        /// It is a reject too, with this reason.
        case rejected(Reject.Reason)

        /// Every reason of a reject, then the others.
        public static let allCases: [Cause] =
            Reject.Reason.allCases.map { .rejected($0) }
            + [.nothing, .noRow, .emptyList, .ignored, .cleared, .held, .status, .known, .duplicate, .corrected]

        /// Stored, and part of the API: never changed.
        public var rawValue: String {
            switch self {
            case .nothing: "nothing-read"
            case .noRow: "no-row"
            case .emptyList: "empty-list"
            case .ignored: "ignored"
            case .cleared: "cleared"
            case .held: "held"
            case .status: "status-only"
            case .known: "known"
            case .duplicate: "duplicate"
            case .corrected: "corrected"
            case .rejected(let reason): reason.rawValue
            }
        }

        /// nil for a word that is none of theirs.
        public init?(rawValue: String) {
            guard let cause = Self.byName[rawValue] else { return nil }
            self = cause
        }

        private static let byName = Dictionary(uniqueKeysWithValues: allCases.map { ($0.rawValue, $0) })

        /// A device may send such messages for ever with nothing wrong.
        public var isHarmless: Bool {
            switch self {
            case .ignored, .cleared, .held, .status, .known, .rejected(.shapeChanged): true
            case .nothing, .noRow, .emptyList, .duplicate, .corrected, .rejected: false
            }
        }
    }

    /// Of a device whose readings stop, so many messages without one are no accident any more.
    public static let standingMessages = 3
    /// For so long, where no cadence is known.
    public static let standingSpan = Duration.seconds(3600)

    /// For so long one that has said nothing but that it is there, where no cadence is known.
    public static let firstWordSpan = Duration.seconds(600)

    /// Whether messages come of a device and readings do not: the one law for health, answers and the doctor.
    ///
    /// `messages` without a reading came, and no reading since; `span` is the time that the gateway listened from the first of
    /// them to the last, `age` the one since the first. A device that has only just said that it is there may yet speak. A device that gave readings before is let off for as long as it might be silent, or an hour where no
    /// cadence is known: many send messages of another kind between two readings.
    public static func isStanding(
        _ cause: Cause, messages: Int64, over span: Duration, age: Duration? = nil, hasEverRead: Bool,
        cadence: Duration?
    ) -> Bool {
        guard messages > 0 else { return false }
        guard hasEverRead else {
            guard cause == .status, messages < standingMessages, let age else { return true }
            return age >= cadence.map { Staleness.allowance(cadence: $0) } ?? firstWordSpan
        }
        guard !cause.isHarmless, messages >= standingMessages else { return false }
        return span >= cadence.map { Staleness.allowance(cadence: $0) } ?? standingSpan
    }
}
