import Basics
import Telemetry

/// What becomes of devices that the roster does not name.
public struct Onboarding: Sendable, Hashable {
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
        public var topics: String
        public var answer: Answer

        public init(topics: String, answer: Answer) {
            self.topics = topics
            self.answer = answer
        }
    }

    public var unknown: Answer
    /// The first whose filter fits the topic counts.
    public var exceptions: [Exception]

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

extension MessageDecoder {
    /// Whether a device may be taken in that is not on the roster, or one too many of its profile; notes why not.
    @inline(never)
    mutating func isAdmitted(
        _ name: UnsafeRawBufferPointer, _ profile: UInt32, _ registry: SeriesRegistry, _ batch: inout DecodedBatch
    ) -> Bool {
        let text = String(decoding: name, as: UTF8.self)
        if registry.device(named: name) == nil {
            while devicesCounted < registry.deviceCount {
                devicesOfProfile[registry.devices[devicesCounted].profile, default: 0] += 1
                devicesCounted += 1
            }
            let profileName = catalog.plan.profileNames[Int(profile)]
            guard devicesOfProfile[profileName, default: 0] < limits.devicesPerProfileMax else {
                reject(
                    .cardinality,
                    "the limit of \(limits.devicesPerProfileMax) devices of profile \(profileName) is reached", &batch)
                return false
            }
        }
        if expectedDevices.contains(text) { return true }
        switch onboarding.answer(forTopic: topic) {
        case .accept: return true
        case .quarantine:
            reject(.quarantined, "'\(text)' is not on the roster", &batch)
        case .refuse:
            let whole = payload
            payload = UnsafeRawBufferPointer(start: nil, count: 0)
            reject(.refused, "'\(text)' is not on the roster", &batch)
            payload = whole
        }
        return false
    }
}
