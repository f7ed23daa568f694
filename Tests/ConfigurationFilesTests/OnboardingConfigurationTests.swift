import Basics
import ConfigurationFiles
import Decoding
import Settings
import Store
import Telemetry
import Testing

@testable import ConfigurationFiles

@Suite("Configuration of decoding")
struct OnboardingConfigurationTests {
    private func mistakes(_ yaml: String) -> [String] {
        do {
            _ = try GatewayConfiguration(yaml: yaml, file: "baotu.yaml")
            return []
        } catch {
            return error.list.map(\.description)
        }
    }

    @Test("limits of a message, unknown devices and the zone of the site are read")
    func reads() throws {
        let configuration = try GatewayConfiguration(
            yaml: """
                limits: {payload_bytes: 1000, nesting: 8, values: 100, readings: 50, faults: 2, held_keys: 3}
                devices:
                  site_zone: Europe/Berlin
                  unknown: {default: refuse, topics: {"north/#": quarantine, "lab/+": accept}}
                """, file: "baotu.yaml")
        #expect(configuration.decoding.payloadBytesMax == 1000 && configuration.decoding.nestingMax == 8)
        #expect(configuration.decoding.nodesMax == 100 && configuration.decoding.readingsPerMessageMax == 50)
        #expect(configuration.decoding.rejectsPerMessageMax == 2 && configuration.decoding.heldKeysMax == 3)
        #expect(configuration.siteZone?.name == "Europe/Berlin")
        let days = try #require(configuration.store.days)
        #expect(days.offsetSeconds == 3600 && configuration.siteOffsetSeconds == 3600)
        let spring = LocalDays.Change(at: try #require(Timestamp(iso8601: "2026-03-29T01:00:00Z")), offsetSeconds: 7200)
        #expect(days.changes.contains(spring) && days.changes.count > 2 * 65)
        #expect(
            configuration.onboarding
                == Onboarding(
                    unknown: .refuse,
                    exceptions: [
                        .init(topics: "north/#", answer: .quarantine), .init(topics: "lab/+", answer: .accept),
                    ]))
        let short = try GatewayConfiguration(yaml: "devices: {unknown: quarantine}", file: "baotu.yaml")
        #expect(short.onboarding == Onboarding(unknown: .quarantine))
        let plain = try GatewayConfiguration(yaml: "{}", file: "baotu.yaml")
        #expect(plain.store.days == LocalDays())
        let fixed = try GatewayConfiguration(yaml: "devices: {site_offset: '-03:30'}", file: "baotu.yaml")
        #expect(fixed.store.days == LocalDays(offsetSeconds: -12_600) && fixed.siteOffsetSeconds == -12_600)
        // Summer time for good since 2022.
        let kept = try GatewayConfiguration(yaml: "devices: {site_zone: Asia/Amman}", file: "baotu.yaml")
        #expect(kept.siteOffsetSeconds == 10_800)
        let both = try GatewayConfiguration(
            yaml: "devices: {site_zone: Europe/Berlin, site_offset: '+02:00'}", file: "baotu.yaml")
        #expect(both.store.days == days && both.siteOffsetSeconds == 7200)
        #expect(
            mistakes("devices: {site_zone: Europe/Berlin, site_offset: '+08:00'}") == [
                "baotu.yaml:1: devices.site_offset: '+08:00': contradicts site_zone: no clock of Europe/Berlin is ever so far from UTC; leave one of them out"
            ])
        #expect(plain.onboarding == Onboarding() && plain.siteZone == nil && plain.decoding.nestingMax == 64)
    }

    @Test("wrong ones are told with their place")
    func wrong() {
        #expect(
            mistakes("limits: {nesting: 0}\ndevices: {unknown: acept, site_zone: Europe/Berlyn}") == [
                "baotu.yaml:1: limits.nesting: '0': expected a whole number from 1 to 1024",
                "baotu.yaml:2: devices.site_zone: 'Europe/Berlyn': expected a time zone that the system knows, such as Asia/Shanghai",
                "baotu.yaml:2: devices.unknown: 'acept': expected accept, quarantine or refuse",
            ])
    }
}
