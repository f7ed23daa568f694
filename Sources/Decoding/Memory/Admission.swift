import Basics
import Telemetry

/// Which devices are taken in: those of the roster, of others those that `onboarding` lets in, and of each profile so many.
struct Admission {
    enum Verdict {
        case admitted
        case profileFull
        case quarantined
        case refused
    }

    private let onboarding: Onboarding
    /// Device names of the roster; only looked at where unknown devices are not simply taken in, and for new names.
    private let expectedDevices: Set<ByteName>
    private let devicesPerProfileMax: Int
    /// By profile name; counted only where a limit asks for it.
    private var devicesOfProfile: [ByteName: Int] = [:]
    private var devicesCounted = 0
    /// Whether there is anything to ask.
    let isGuarded: Bool

    init(_ onboarding: Onboarding, expectedDevices: Set<ByteName>, _ limits: DecodingLimits) {
        self.onboarding = onboarding
        self.expectedDevices = expectedDevices
        devicesPerProfileMax = limits.devicesPerProfileMax
        isGuarded = !onboarding.acceptsAll || devicesPerProfileMax < 16_000_000
    }

    /// Whether the roster names it.
    func expects(_ device: String) -> Bool { expectedDevices.contains(ByteName(device)) }

    /// Of a device that a rule of `profile` names in a message of `topic`.
    mutating func judge(
        _ name: UnsafeRawBufferPointer, profile: String, topic: UnsafeRawBufferPointer, _ registry: SeriesRegistry
    ) -> Verdict {
        if registry.device(named: name) == nil {
            while devicesCounted < registry.deviceCount {
                devicesOfProfile[ByteName(registry.devices[devicesCounted].profile), default: 0] += 1
                devicesCounted += 1
            }
            guard devicesOfProfile[ByteName(profile), default: 0] < devicesPerProfileMax else { return .profileFull }
        }
        if expectedDevices.contains(ByteName(String(decoding: name, as: UTF8.self))) { return .admitted }
        return switch onboarding.answer(forTopic: topic) {
        case .accept: .admitted
        case .quarantine: .quarantined
        case .refuse: .refused
        }
    }

    /// The next registry counts from nothing.
    mutating func forgetCounts() {
        devicesOfProfile = [:]
        devicesCounted = 0
    }
}

extension MessageDecoder {
    /// Whether a device may be taken in that is not on the roster, or one too many of its profile; notes why not.
    @inline(never)
    mutating func isAdmitted(
        _ name: UnsafeRawBufferPointer, _ profile: UInt32, _ registry: SeriesRegistry, _ batch: inout DecodedBatch
    ) -> Bool {
        let profileName = catalog.plan.profileNames[Int(profile)]
        switch admission.judge(name, profile: profileName, topic: message.topic, registry) {
        case .admitted: return true
        case .profileFull:
            reject(
                .cardinality,
                "the limit of \(limits.devicesPerProfileMax) devices of profile \(profileName) is reached", &batch)
        case .quarantined:
            reject(.quarantined, "'\(String(decoding: name, as: UTF8.self))' is not on the roster", &batch)
        case .refused:
            let whole = message.payload
            message.payload = UnsafeRawBufferPointer(start: nil, count: 0)
            reject(.refused, "'\(String(decoding: name, as: UTF8.self))' is not on the roster", &batch)
            message.payload = whole
        }
        return false
    }
}
