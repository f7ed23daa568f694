import Basics
import Notification
import Telemetry

/// A notice as a test needs it.
func notice(
    _ id: Int64 = 7, name: String = "lamp-1", sentence: String = "lamp-1 is out", phase: AlertPhase = .firing,
    severity: Severity = .warning, quantity: String? = nil, value: Double? = nil, unit: String? = nil
) -> AlertNotice {
    AlertNotice(
        alertID: id, rule: "lamp-out", subject: .device, name: name, quantity: quantity, channel: nil, phase: phase,
        severity: severity, since: Timestamp(milliseconds: 1_772_705_640_250),
        at: Timestamp(milliseconds: 1_772_705_700_000), value: value, unit: unit, sentence: sentence)
}

/// What nobody would call a lamp, and somebody may.
let hostileNames = [
    "a\r\nBcc: everybody@city.example\r\n\r\nbody", "\"}],\"x\":[{\"", "</description><x a='\"'>&amp;]]>",
    "<!channel> @all",
    "路灯 17 💡🏮", "\u{301}accent", "{sentence}{value}", "\\", "\\\"", "\u{0}\u{1}\u{7F}\u{2028}\u{202E}",
    "=?UTF-8?B?eA==?=", ".", "\n.\n", String(repeating: "灯", count: 1667), String(repeating: "'\"", count: 2500),
]
