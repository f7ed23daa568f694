import Basics
import ConfigurationFiles
import Foundation
import Store
import Testing

@testable import ConfigurationFiles

@Suite("Configuration of retention")
struct RetentionConfigurationTests {
    private static let day = Duration.seconds(86_400)

    private func alerts(_ yaml: String) throws -> Duration? {
        try GatewayConfiguration(yaml: yaml, file: "baotu.yaml").store.retention.alerts
    }

    @Test("steps of alerts are kept two years, as long as told, or for ever")
    func reads() throws {
        #expect(try alerts("{}") == Self.day * 730)
        #expect(try alerts("store: {retention: }") == Self.day * 730)
        #expect(try alerts("store: {retention: {alerts: 1d}}") == Self.day)
        #expect(try alerts("store: {retention: {alerts: 36500d}}") == Self.day * 36_500)
        #expect(try alerts("store: {retention: {alerts: forever}}") == nil)
        let all = try GatewayConfiguration(yaml: "store: {retention: {raw: 48h}}", file: "baotu.yaml").store.retention
        #expect(all.raw == Self.day * 2 && all.rollups == nil && all.alerts == Self.day * 730)
    }

    @Test("wrong lengths are told with their place and what would be right")
    func wrong() {
        let yaml = """
            store:
              retention:
                alerts: 23h
                raw: 36501d
                rollups: [1d]
                classes: [{name: busy, profiles: [a], raw: never}]
            """
        do {
            _ = try GatewayConfiguration(yaml: yaml, file: "baotu.yaml")
            Issue.record("the mistakes passed")
        } catch {
            let right = "expected a length from 1d to 36500d, such as 90d, or forever"
            #expect(
                Set(error.list.map { "\($0.line ?? 0) \($0.key): \($0.expected)" }) == [
                    "3 store.retention.alerts: \(right)", "4 store.retention.raw: \(right)",
                    "5 store.retention.rollups: \(right)", "6 store.retention.classes[0].raw: \(right)",
                ], "\(error)")
        }
    }

    @Test("the store is scrubbed weekly, as often as told, or not at all")
    func scrub() throws {
        func every(_ yaml: String) throws -> Duration? {
            try GatewayConfiguration(yaml: yaml, file: "baotu.yaml").store.scrubInterval
        }
        #expect(try every("{}") == Self.day * 7)
        #expect(try every("store: {scrub_every: 30d}") == Self.day * 30)
        #expect(try every("store: {scrub_every: off}") == nil)
        for wrong in ["1h", "367d", "never", "[7d]"] {
            do {
                _ = try every("store: {scrub_every: \(wrong)}")
                Issue.record("\(wrong) passed")
            } catch let error as Mistakes {
                #expect(error.list.map(\.key) == ["store.scrub_every"])
                #expect(error.list.map(\.expected) == ["expected a length from 1d to 366d, such as 7d, or off"])
            }
        }
    }

    @Test("the file that is delivered says what is so without it")
    func delivered() throws {
        let file = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../Config/baotu.yaml")
        let text = try String(contentsOf: file.standardized, encoding: .utf8)
        let line = try #require(text.split(separator: "\n").first { $0.hasPrefix("    alerts: ") })
        #expect(line.hasPrefix("    alerts: 730d "))
    }
}
