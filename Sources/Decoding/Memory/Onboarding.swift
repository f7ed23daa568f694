import Basics
import Telemetry

/// What becomes of devices that the roster does not name.
public struct Onboarding: Sendable, Hashable {
    /// By the names in the configuration.
    public enum Answer: String, Sendable, CaseIterable {
        /// Their readings count like any others.
        case accept
        /// Their messages are rejects with their payload, to be replayed once the roster names the device.
        case quarantine
        /// Their messages are rejects without payload.
        case refuse
    }

    /// The answer for the topics of one MQTT filter: areas have topics of their own where it matters.
    public struct Exception: Sendable, Hashable {
        /// An MQTT filter, with `+` for a level and `#` for the rest.
        public var topics: String
        /// For devices that are not on the roster and publish there.
        public var answer: Answer

        package init(topics: String, answer: Answer) {
            self.topics = topics
            self.answer = answer
        }
    }

    /// Where no exception fits.
    public var unknown: Answer
    /// The first whose filter fits the topic counts.
    public var exceptions: [Exception]

    /// Unless told otherwise everyone is let in.
    public init(unknown: Answer = .accept, exceptions: [Exception] = []) {
        self.unknown = unknown
        self.exceptions = exceptions
    }

    var acceptsAll: Bool { unknown == .accept && exceptions.allSatisfy { $0.answer == .accept } }

    func answer(forTopic topic: UnsafeRawBufferPointer) -> Answer {
        exceptions.first { Self.fits(topic, $0.topics) }?.answer ?? unknown
    }

    /// Whether an MQTT filter takes a topic.
    static func fits(_ topic: UnsafeRawBufferPointer, _ filter: String) -> Bool {
        var levels = topic.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)[...]
        for part in filter.utf8.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false) {
            if part.elementsEqual("#".utf8) { return true }
            guard let level = levels.popFirst() else { return false }
            guard part.elementsEqual("+".utf8) || part.elementsEqual(level) else { return false }
        }
        return levels.isEmpty
    }
}
