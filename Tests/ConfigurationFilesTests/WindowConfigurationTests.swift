import Basics
import ConfigurationFiles
import Settings
import Telemetry
import Testing
import Windows

@testable import ConfigurationFiles

@Suite("Configuration of windows")
struct WindowConfigurationTests {
    private func plan(_ yaml: String) throws -> WindowPlan {
        try GatewayConfiguration(yaml: yaml, file: "baotu.yaml").windows
    }

    @Test("a list is for all quantities, a map names some")
    func reads() throws {
        #expect(try plan("{}") == .standard)
        #expect(try plan("windows: [5m, 1h, 8h, 24h]") == .standard)
        #expect(try plan("windows: [10m]").lengths(of: nil) == [.seconds(600)])
        let pm2_5 = try #require(Quantity(named: "pm2_5"))
        let some = try plan("windows: {default: [1h], quantities: {pm2_5: [24h, 1h, 7d]}}")
        #expect(some.lengths(of: nil) == [.seconds(3600)])
        #expect(some.lengths(of: pm2_5) == [.seconds(3600), .seconds(86_400), .seconds(7 * 86_400)])
        #expect(try plan("windows: {quantities: {pm2_5: [1h]}}").windows == WindowPlan.standard.windows)
    }

    @Test("wrong ones are told with their place")
    func wrong() {
        let yaml = """
            windows:
              default: [30s, 61m30s, 3601s, 1h, 1h]
              quantities:
                pm25: [1h]
                pm10: 1h
              quantity: {}
            """
        do {
            _ = try plan(yaml)
            Issue.record("the mistakes passed")
        } catch let mistakes as Mistakes {
            #expect(
                mistakes.list.map { "\($0.key): \($0.expected)" } == [
                    "windows.default[0]: expected a length from 1m to 31d that is not listed yet",
                    "windows.default[1]: expected a length from 1m to 31d that is not listed yet",
                    "windows.default[2]: expected a length that 8 to 64 equal panes of known lengths make, such as 90m or 8h",
                    "windows.default[4]: expected a length from 1m to 31d that is not listed yet",
                    "windows.quantities.pm25: expected a quantity of the vocabulary as the key; did you mean 'pm2_5'?",
                    "windows.quantities.pm10: expected a list of 1 to 8 lengths, such as [5m, 1h, 24h]",
                    "windows.quantity: unknown key; known here: default, quantities",
                ])
        } catch {
            Issue.record("\(error)")
        }
    }
}
