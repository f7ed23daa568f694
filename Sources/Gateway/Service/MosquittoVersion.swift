import Contract

/// What a mosquitto says that it is, and what is known to be wrong with that.
struct MosquittoVersion: Comparable {
    struct Fault: Equatable {
        var level: Diagnosis.Level
        var sentence: String
        var mend: String
    }

    let major: Int
    let minor: Int
    let patch: Int

    init(_ major: Int, _ minor: Int, _ patch: Int) { (self.major, self.minor, self.patch) = (major, minor, patch) }

    /// Of `$SYS/broker/version`, such as `mosquitto version 2.0.11`; nil of any other broker.
    init?(_ text: String) {
        let words = text.split(separator: " ")
        guard words.count >= 3, words[0] == "mosquitto", words[1] == "version" else { return nil }
        let numbers = words[2].split(separator: ".").map { Int($0.prefix { $0.isASCII && $0.isNumber }) }
        guard numbers.count >= 3, let major = numbers[0], let minor = numbers[1], let patch = numbers[2] else {
            return nil
        }
        self.init(major, minor, patch)
    }

    static func < (left: Self, right: Self) -> Bool {
        (left.major, left.minor, left.patch) < (right.major, right.minor, right.patch)
    }

    /// `isQueueUnlimited`: whether its settings have `max_queued_messages 0`; nil where they cannot be seen.
    ///
    /// Source: mosquitto's ChangeLog.txt, issues 2306 and 2362 (2.0.13), 2879 (2.0.17), 3088 and 3244 (2.0.22).
    func faults(isQueueUnlimited: Bool?) -> [Fault] {
        var faults: [Fault] = []
        if self < Self(2, 0, 0) {
            faults.append(
                Fault(
                    level: .warning,
                    sentence: "versions before 2.0 are not maintained, and not tried with this gateway",
                    mend: "upgrade mosquitto to 2.0.22 or newer"))
        } else if self < Self(2, 0, 13) {
            faults.append(
                Fault(
                    level: .warning,
                    sentence:
                        "before 2.0.13 it may count wrong how many messages are on their way, and keep those of QoS 1 back until "
                        + "it is restarted (mended upstream; a distribution may have done so under the old number)",
                    mend: "upgrade mosquitto to 2.0.22 or newer; until then restart it when messages wait and none come"
                ))
        }
        if self >= Self(2, 0, 16), self < Self(2, 0, 22), isQueueUnlimited != false {
            let does =
                self == Self(2, 0, 16)
                ? "2.0.16 drops every message"
                : "from 2.0.16 to 2.0.21 it may disconnect clients that send or receive much"
            faults.append(
                Fault(
                    level: isQueueUnlimited == true ? .bad : .warning,
                    sentence: "with max_queued_messages 0 \(does)",
                    mend: "set max_queued_messages 100000000 instead of 0, or upgrade mosquitto to 2.0.22 or newer"))
        }
        return faults
    }
}
