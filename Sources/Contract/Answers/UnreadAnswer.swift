public import Basics
import Telemetry

extension RejectsAnswer {
    /// Messages of one device that gave no reading for one reason.
    public struct Unread: Codable, Hashable, Sendable {
        /// Whose messages an entry counts.
        public enum About: String, Codable, Sendable, CaseIterable {
            /// Those of `device`.
            case device
            /// Those that could not be told to be of one.
            case nobody
            /// Those of all devices beyond the 4096 that have entries of their own, in one sum.
            case others
        }

        /// Whose they are.
        public var about: About
        /// nil where `about` is another.
        public var device: String?
        /// Why they gave none: the raw value of an `Unread.Cause`.
        public var cause: String
        /// Since the store was made.
        public var messages: Int64
        /// When the first of them was received.
        public var since: Timestamp
        /// When the newest was.
        public var lastAt: Timestamp
        /// For how long the gateway has listened since then, by a clock that nobody sets; nil where it has written down none.
        public var listenedSeconds: Double?
        /// Since the last reading of the device.
        public var messagesSinceReading: Int64
        /// When the first of those was received; nil where there is none.
        public var sinceReading: Timestamp?
        /// Whether it ever gave a reading; false where `about` is no device.
        public var hasEverRead = false
        /// When all its readings were taken out by order; nil where that was never so, or others came since.
        public var forgottenAt: Timestamp?
        /// Messages come and readings do not (`Telemetry.Unread.isStanding`).
        public var isStanding = false
        /// Of the first of them, its first 512 bytes; empty where it is not known.
        public var topic: String

        enum CodingKeys: String, CodingKey {
            case about, device, cause, messages, since, topic
            case lastAt = "last_at"
            case listenedSeconds = "listened_seconds"
            case messagesSinceReading = "messages_since_reading"
            case sinceReading = "since_reading"
            case hasEverRead = "ever_read"
            case forgottenAt = "readings_forgotten_at"
            case isStanding = "standing"
        }

        package init(
            about: About, device: String?, cause: String, messages: Int64, since: Timestamp, lastAt: Timestamp,
            listenedSeconds: Double? = nil, messagesSinceReading: Int64, sinceReading: Timestamp?, topic: String
        ) {
            self.about = about
            self.device = device
            self.cause = cause
            self.messages = messages
            self.since = since
            self.lastAt = lastAt
            self.listenedSeconds = listenedSeconds
            self.messagesSinceReading = messagesSinceReading
            self.sinceReading = sinceReading
            self.topic = topic
        }

        private var known: Telemetry.Unread.Cause? { Telemetry.Unread.Cause(rawValue: cause) }

        /// Devices of which readings are missing, then what may be right, then what comes beside readings.
        package var rank: Int { isStanding ? isHarmless ? 1 : 0 : 2 }

        /// Such messages may come for ever with nothing wrong. One without a payload takes a retained word away; who sends nothing
        /// else never says anything.
        package var isHarmless: Bool {
            if known == .cleared, about == .device, !hasEverRead {
                return messagesSinceReading < Telemetry.Unread.standingMessages
            }
            return known?.isHarmless ?? false
        }

        /// Why, in words.
        package var why: String {
            switch known {
            case .nothing: "what its rule reads is absent, null or marked as missing"
            case .noRow: "the table of its rule has no row for the name that it bears"
            case .emptyList: "the list that its rule goes over is empty"
            case .ignored: "its profile ignores it"
            case .cleared: "it has no payload"
            case .held: "it is kept for later messages"
            case .status: "it says online or offline, and nothing else"
            case .known: "the broker had kept it, and it says what is known"
            case .duplicate: "the same values at the same time are there already"
            case .corrected: "it bears a time that is there already, and its values took the place of those"
            case .rejected(let reason): "rejected: \(reason.rawValue)"
            case nil: cause
            }
        }

        /// What to do next.
        package var mend: String {
            let of = device.map { " --device=\(ShellWord.quoted($0))" } ?? ""
            let look =
                topic.isEmpty
                ? "look at one of its messages"
                : "look at one: mosquitto_sub -C 1 -t \(ShellWord.quoted(topic)), then baotu decode --topic=\(ShellWord.quoted(topic))"
            return switch known {
            case .nothing, .noRow, .emptyList:
                "\(look); where it names its values otherwise, mend the profile (baotu devices try) and baotu reload"
            case .duplicate, .corrected: "its clock seems to stand, or it sends an old message again and again: \(look)"
            case .rejected(.unknownTopic):
                "\(look); a profile for it: baotu devices new; what is not wanted gets a rule with ignore: true"
            case .rejected(.quarantined), .rejected(.refused):
                "put it on the roster and baotu reload, or leave it; baotu rejects replay brings what was kept"
            case .rejected(.newNames):
                "baotu doctor names the topics; a device that belongs here comes in by itself once it may, and baotu rejects replay brings what was kept; for a fleet that is new put it on the roster, or raise limits.new_names_per_topic"
            case .rejected(.unusableTime):
                "set the device's clock; where it has none, the profile may allow the receipt (else: receipt)"
            case .rejected(let reason):
                "baotu rejects\(of) --reason \(reason.rawValue) shows them; after the mend baotu rejects replay brings them"
            case .cleared where !isHarmless: "\(look); what sends it fails to fill in what it measures"
            case .ignored, .cleared, .held, .status, .known, nil:
                "nothing, unless it should measure: then \(look)"
            }
        }
    }
}
