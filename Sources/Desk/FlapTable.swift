import Basics
import Telemetry

/// Which alerts begin and end again and again.
struct FlapTable: Sendable {
    private let plan: Flapping?
    /// Of the span in which they count, rising.
    private var begun: [AlertKey: [SteadyTime]] = [:]
    /// By alert, when it last began.
    private var flapping: [AlertKey: SteadyTime] = [:]
    private var lastSweep: SteadyTime?

    init(_ plan: Flapping?) { self.plan = plan }

    mutating func begin(_ key: AlertKey, at now: SteadyTime) {
        guard let plan else { return }
        if let last = flapping[key], now - last >= plan.quiet { flapping[key] = nil }
        var times = begun[key] ?? []
        times.removeAll { now - $0 > plan.within }
        times.append(now)
        // More say nothing more.
        begun[key] = times.suffix(plan.episodes)
        if flapping[key] != nil || times.count >= plan.episodes { flapping[key] = now }
    }

    /// Goes on with one that was told as such, whatever is known of its beginnings.
    mutating func goOn(_ key: AlertKey, at now: SteadyTime) {
        guard plan != nil else { return }
        flapping[key] = flapping[key] ?? begun[key]?.last ?? now
    }

    func isFlapping(_ key: AlertKey) -> Bool { flapping[key] != nil }

    /// Those that have not begun again for long enough, and are no such any more.
    mutating func settled(at now: SteadyTime) -> [AlertKey] {
        guard let plan else { return [] }
        if lastSweep.map({ now - $0 >= plan.within }) ?? true {
            lastSweep = now
            begun = begun.filter { now - ($0.value.last ?? now) <= plan.within }
        }
        guard !flapping.isEmpty else { return [] }
        let over = flapping.filter { now - $0.value >= plan.quiet }.keys.sorted()
        for key in over {
            flapping[key] = nil
            begun[key] = nil
        }
        return over
    }
}
