import Basics
import Contract
import Pipeline
import Store
import Telemetry
import Windows

/// Devices whose clocks are far from ours: windows follow them, but whoever reads their times is misled.
struct AstrayClocks: Equatable, Sendable {
    struct Device: Equatable, Sendable {
        var name: String
        /// How far it is behind; negative where it is ahead.
        var skew: Duration
    }

    /// A clock that is a little wrong misleads nobody.
    static let limit = Duration.seconds(180)
    static let namedMax = 10

    /// The worst.
    var named: [Device] = []
    var ahead = 0
    var behind = 0
    /// Of how many it can be told.
    var speaking = 0
}

extension IngestLoop {
    /// Every few seconds, for whoever asks.
    func lookAtClocks(at moment: Moment) {
        guard lastAstray.map({ moment.steady - $0 >= .seconds(5) }) ?? true else { return }
        lastAstray = moment.steady
        let (found, speaking) = pipeline.clocks.astray(by: AstrayClocks.limit, at: moment)
        // Who gathers readings and sends them together once a cadence is late by that, with a clock that is right.
        let astray = found.filter {
            $0.skew <= pipeline.roster.cadence(of: $0.device) ?? .zero ? $0.skew < .zero : true
        }
        var clocks = AstrayClocks()
        clocks.speaking = speaking
        clocks.ahead = astray.count { $0.skew < .zero }
        clocks.behind = astray.count - clocks.ahead
        func size(_ skew: Duration) -> Duration { skew < .zero ? .zero - skew : skew }
        clocks.named = astray.sorted { size($0.skew) > size($1.skew) }.prefix(AstrayClocks.namedMax).map {
            AstrayClocks.Device(name: journal.registry.devices[$0.device.index].name, skew: $0.skew)
        }
        live.remember(clocks)
    }
}

extension Doctor {
    func deviceClocks() -> [Diagnosis] {
        let clocks = live.astray
        let count = clocks.ahead + clocks.behind
        guard count > 0 else { return [] }
        func tell(_ level: Diagnosis.Level, _ finding: String, _ mend: String) -> Diagnosis {
            Diagnosis(check: "clock", level: level, finding: finding, mend: mend)
        }
        // Devices that agree with each other against us are probably right.
        let most = max(clocks.ahead, clocks.behind)
        if most >= 3, most * 2 > clocks.speaking, let worst = clocks.named.first {
            return [
                tell(
                    .bad,
                    "\(most) of \(counted(clocks.speaking, "device")) that speak are \(clocks.ahead == most ? "ahead of" : "behind") this "
                        + "machine's clock, such as \(Self.said(worst)): it is probably this machine's that is wrong",
                    "look at the machine's clock (timedatectl, chronyc tracking)")
            ]
        }
        var findings = clocks.named.map { device in
            tell(
                .warning,
                device.skew < .zero
                    ? "the clock of \(Self.said(device))"
                    : "the clock of \(Self.said(device)), or its messages take so long",
                "set the device's clock, or its time zone; windows and rules follow its own time, and what is stored bears it"
            )
        }
        if count > clocks.named.count {
            findings.append(
                tell(
                    .warning,
                    "the clocks of \(counted(count - clocks.named.count, "more device")) are further off than "
                        + "\(AstrayClocks.limit.shortForm)",
                    "set those that are named here; then the next ones are named"))
        }
        return findings
    }

    private static func said(_ device: AstrayClocks.Device) -> String {
        let seconds = abs(device.skew.milliseconds) / 1000
        let span =
            seconds < 7200 ? "\(seconds / 60) min \(seconds % 60) s" : "\(seconds / 3600) h \(seconds / 60 % 60) min"
        return "\(device.name) is \(span) \(device.skew < .zero ? "ahead" : "behind")"
    }
}
