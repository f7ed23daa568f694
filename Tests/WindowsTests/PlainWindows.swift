import Basics
import Foundation
import Telemetry
import TestSupport

@testable import Windows

/// The plain version of one series: keeps every sample and computes everything from all of them. The oracle of the table.
struct PlainWindows {
    let quantity: Quantity
    let cadence: Duration?
    let windows: [WindowPlan.Window]
    /// In order of time; of one moment as they were heard.
    private(set) var samples: [(at: Int64, value: Double)] = []
    private var newest = Int64.min

    init(_ quantity: Quantity, cadence: Duration?, _ plan: WindowPlan) {
        self.quantity = quantity
        self.cadence = cadence
        windows = plan.windows(of: quantity).map { $0.adapted(to: cadence) }
    }

    /// Whether a ring as long as the longest window of these panes reaches back to it.
    mutating func add(at: Int64, _ value: Double) -> Bool {
        let reach = Dictionary(windows.map { ($0.paneMilliseconds, $0.paneCount) }, uniquingKeysWith: max)
        let isTaken =
            newest == .min
            || reach.contains { pane, count in floored(at, pane) > floored(newest, pane) - Int64(count) }
        guard isTaken else { return false }
        newest = max(newest, at)
        let place = samples.firstIndex { $0.at > at } ?? samples.endIndex
        samples.insert((at, value), at: place)
        return true
    }

    private func floored(_ moment: Int64, _ pane: Int64) -> Int64 { moment.flooredDivision(by: pane) }

    func bounds(of window: WindowPlan.Window, at now: Int64) -> Range<Int64> {
        let last = floored(max(now, newest), window.paneMilliseconds)
        return (last - Int64(window.paneCount) + 1) * window.paneMilliseconds..<(last + 1) * window.paneMilliseconds
    }

    func values(in window: WindowPlan.Window, at now: Int64) -> [(at: Int64, value: Double)] {
        let bounds = bounds(of: window, at: now)
        return samples.filter { bounds.contains($0.at) }
    }

    /// Everything but quantiles and revision; nil where the window is empty.
    func summary(_ window: WindowPlan.Window, at now: Int64) -> WindowSummary? {
        let values = values(in: window, at: now)
        guard let first = values.first, let last = values.last else { return nil }
        let all = values.map(\.value)
        let mean = all.reduce(0, +) / Double(all.count)
        let variance = all.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(all.count)
        let bounds = bounds(of: window, at: now)
        var summary = WindowSummary(
            series: SeriesID(rawValue: 0), window: window.length, end: Timestamp(milliseconds: bounds.upperBound),
            count: all.count, mean: mean, min: all.min()!, max: all.max()!, standardDeviation: variance.squareRoot(),
            first: first.value, firstAt: Timestamp(milliseconds: first.at), last: last.value,
            lastAt: Timestamp(milliseconds: last.at), median: nil, p95: nil)
        let moment = min(max(now, newest), bounds.upperBound)
        if let cadence { summary.expectedCount = max(1, Int((moment - bounds.lowerBound) / cadence.milliseconds)) }
        summary.change = last.value - first.value
        switch quantity.kind {
        case .delta: summary.total = all.reduce(0, +)
        case .counter:
            // What is believed follows from all samples, not from those of the window alone.
            let believed = zip(samples, believedOfCounter(samples.map(\.value)))
                .filter { sample, isBelieved in isBelieved && self.bounds(of: window, at: now).contains(sample.at) }
                .map(\.0.value)
            let increase = zip(believed, believed.dropFirst()).reduce(0) { $0 + counterGrowth(from: $1.0, to: $1.1) }
            summary.increase = increase
            summary.change = increase
            summary.first = believed.first ?? last.value
        case .state:
            let ends = values.dropFirst().map(\.at) + [max(moment, last.at)]
            let area = zip(values, ends).reduce(0.0) { $0 + $1.0.value * Double($1.1 - $1.0.at) }
            let span = Double(ends.last! - first.at)
            summary.timeWeightedMean = span > 0 ? area / span : last.value
        case .gauge where quantity.isDirection:
            let x = all.reduce(0) { $0 + cos($1 * .pi / 180) } / Double(all.count)
            let y = all.reduce(0) { $0 + sin($1 * .pi / 180) } / Double(all.count)
            let degrees = atan2(y, x) * 180 / .pi
            summary.mean = degrees < 0 ? degrees + 360 : degrees
            summary.standardDeviation = (-2 * log(min(1, (x * x + y * y).squareRoot()))).squareRoot() * 180 / .pi
            let turn = (last.value - first.value).truncatingRemainder(dividingBy: 360)
            summary.change = turn > 180 ? turn - 360 : turn <= -180 ? turn + 360 : turn
        case .gauge: break
        }
        return summary
    }
}
