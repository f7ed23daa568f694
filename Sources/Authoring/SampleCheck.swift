package import Basics
package import Decoding
import Settings
package import Telemetry

/// What a sample expects and what the profiles make of it, compared value by value.
package struct SampleCheck: Sendable {
    /// One thing that is not as the sample says.
    package enum Difference: Sendable, Equatable {
        case missing(ProfileSample.Expectation)
        case unexpected(ProfileSample.Expectation)
        /// The same device, quantity and channel; `aspects` are `value`, `time` and `unit`.
        case different(expected: ProfileSample.Expectation, found: ProfileSample.Expectation, aspects: [String])
        case missingStatus(ProfileSample.StatusExpectation)
        case unexpectedStatus(ProfileSample.StatusExpectation)
        /// A fault of a message, as the decoder names it.
        case missingReject(String)
        case reject(topic: String, reason: Reject.Reason, detail: String)
        /// The sample itself is not usable.
        case mistake(Mistake)
    }

    /// Of the sample's file.
    package let path: String
    /// Readings that the messages became.
    package let readingCount: Int
    /// Empty where all is as the sample says: rejects first, then readings, then states of links.
    package let differences: [Difference]

    /// Greatest difference of values that are the same, as a share of the expected one.
    package static let valueTolerance = 1e-6
    /// Greatest difference of times that are the same, in milliseconds.
    package static let timeToleranceMilliseconds: Int64 = 1

    /// Decodes the messages of a sample, in order, and compares what they become with what it expects.
    package init(_ file: SampleFile, _ catalog: DeviceCatalog) {
        path = file.path
        let sample: ProfileSample
        var messages = MessageBatch()
        do {
            sample = try ProfileSample(file)
            try sample.append(to: &messages, file: file.path)
        } catch {
            readingCount = 0
            differences = error.list.map { .mistake($0) }
            return
        }
        var registry = SeriesRegistry()
        var batch = DecodedBatch()
        var decoder = sample.decoder(catalog)
        decoder.decode(messages, into: &batch, registry: &registry)
        readingCount = batch.readings.count
        differences =
            Self.compare(sample.expectRejects ?? [], batch.rejects)
            + Self.compare(sample.expect, batch.readings.map { ProfileSample.Expectation($0, registry) }, file.path)
            + Self.compare(
                sample.expectStatus ?? [], batch.statuses.map { ProfileSample.StatusExpectation($0, registry) })
    }

    // MARK: Comparing

    private static func compare(
        _ expected: [ProfileSample.Expectation], _ found: [ProfileSample.Expectation], _ path: String
    ) -> [Difference] {
        var differences: [Difference] = []
        var left = found
        var open: [ProfileSample.Expectation] = []
        // Equal ones first, so that of two readings of a series each meets its own.
        for expectation in expected {
            guard Timestamp(iso8601: expectation.timestamp) != nil else {
                differences.append(
                    .mistake(
                        Mistake(
                            file: path, line: nil, key: "expect.timestamp", value: expectation.timestamp,
                            expected: "expected an RFC 3339 time")))
                continue
            }
            if let index = left.firstIndex(where: { aspects(expectation, $0).isEmpty && isSameSeries(expectation, $0) })
            {
                left.remove(at: index)
            } else {
                open.append(expectation)
            }
        }
        for expectation in open {
            let twins = left.indices.filter { isSameSeries(expectation, left[$0]) }
            let nearest = twins.min {
                aspects(expectation, left[$0]).count < aspects(expectation, left[$1]).count
            }
            if let nearest {
                let found = left.remove(at: nearest)
                differences.append(
                    .different(expected: expectation, found: found, aspects: aspects(expectation, found)))
            } else {
                differences.append(.missing(expectation))
            }
        }
        return differences + left.map { .unexpected($0) }
    }

    private static func isSameSeries(_ left: ProfileSample.Expectation, _ right: ProfileSample.Expectation) -> Bool {
        left.device == right.device && left.quantity == right.quantity
            && (left.channel ?? "") == (right.channel ?? "")
    }

    private static func aspects(_ expected: ProfileSample.Expectation, _ found: ProfileSample.Expectation) -> [String] {
        var aspects: [String] = []
        if !(abs(expected.value - found.value) <= valueTolerance * abs(expected.value)) { aspects.append("value") }
        if !isSameTime(expected.timestamp, found.timestamp) { aspects.append("time") }
        if expected.unit != found.unit { aspects.append("unit") }
        return aspects
    }

    private static func isSameTime(_ left: String, _ right: String) -> Bool {
        guard let left = Timestamp(iso8601: left), let right = Timestamp(iso8601: right) else { return false }
        return abs(left.milliseconds - right.milliseconds) <= timeToleranceMilliseconds
    }

    private static func compare(_ expected: [String], _ found: [Reject]) -> [Difference] {
        var left = found
        var differences: [Difference] = []
        for reason in expected {
            if let index = left.firstIndex(where: { $0.reason.rawValue == reason }) {
                left.remove(at: index)
            } else {
                differences.append(.missingReject(reason))
            }
        }
        return differences + left.map { .reject(topic: $0.topic, reason: $0.reason, detail: $0.detail) }
    }

    private static func compare(
        _ expected: [ProfileSample.StatusExpectation], _ found: [ProfileSample.StatusExpectation]
    ) -> [Difference] {
        var left = found
        var differences: [Difference] = []
        for expectation in expected {
            let index = left.firstIndex {
                $0.device == expectation.device && $0.state == expectation.state
                    && isSameTime($0.timestamp, expectation.timestamp)
            }
            if let index {
                left.remove(at: index)
            } else {
                differences.append(.missingStatus(expectation))
            }
        }
        return differences + left.map { .unexpectedStatus($0) }
    }
}

extension ProfileSample.Expectation {
    /// A reading as a sample writes it.
    package init(_ reading: Reading, _ registry: SeriesRegistry) {
        let series = registry.series[reading.series.index]
        self.init(
            device: registry.devices[series.device.index].name, quantity: series.quantity.name,
            channel: registry.channelName(of: reading.series), value: reading.value, unit: series.quantity.unit,
            timestamp: reading.observed.description)
    }
}

extension ProfileSample.StatusExpectation {
    /// A status as a sample writes it.
    package init(_ status: DeviceStatus, _ registry: SeriesRegistry) {
        self.init(
            device: registry.devices[status.device.index].name, state: status.isOnline ? "online" : "offline",
            timestamp: status.at.description)
    }
}

extension SampleCheck.Difference: CustomStringConvertible {
    /// A line for people, without the sample's path.
    package var description: String {
        switch self {
        case .missing(let expected): "missing: \(expected.line)"
        case .unexpected(let found): "nobody expects: \(found.line)"
        case .different(let expected, let found, let aspects):
            "\(expected.name): different \(aspects.joined(separator: " and ")): expected "
                + "\(expected.short(aspects)), found \(found.short(aspects))"
        case .missingStatus(let status): "missing: \(status.device) \(status.state) at \(status.timestamp)"
        case .unexpectedStatus(let status): "nobody expects: \(status.device) \(status.state) at \(status.timestamp)"
        case .missingReject(let reason): "missing: a reject \(reason)"
        case .reject(let topic, let reason, let detail): "\(topic): \(reason.rawValue): \(detail)"
        case .mistake(let mistake): "\(mistake)"
        }
    }
}

extension ProfileSample.Expectation {
    fileprivate var name: String { "\(device) \(quantity)" + (channel.map { "[\($0)]" } ?? "") }
    fileprivate var line: String { "\(name) \(value) \(unit) at \(timestamp)" }

    fileprivate func short(_ aspects: [String]) -> String {
        var parts: [String] = []
        if aspects.contains("value") || aspects.contains("unit") { parts.append("\(value) \(unit)") }
        if aspects.contains("time") { parts.append("at \(timestamp)") }
        return parts.joined(separator: " ")
    }
}
