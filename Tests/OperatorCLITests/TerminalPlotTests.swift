import Basics
import Foundation
import Telemetry
import Testing
import TestSupport

@testable import OperatorCLI

@Suite("Terminal plot")
struct TerminalPlotTests {
    typealias Point = TerminalPlot.Point

    private func at(_ second: Int) -> Timestamp { Timestamp(milliseconds: Int64(second) * 1000) }

    /// A small chart of 64 seconds: two seconds a character.
    private func chart(_ points: [Point], gap: Duration? = nil, isASCII: Bool = false) -> [String] {
        var plot = TerminalPlot()
        plot.width = 32
        (plot.intervals, plot.rowsPerInterval) = (2, 2)
        plot.gap = gap
        plot.isASCII = isASCII
        plot.time = { "\($0.milliseconds)" }
        return plot.lines(points, since: at(0), until: at(64))
    }

    private var ramp: [Point] { (0..<64).map { Point(at: at($0), value: Double($0)) } }

    @Test("a ramp rises from the lower left to the upper right")
    func rampRises() {
        #expect(
            chart(ramp) == [
                "100 ┤",
                "    │                              ⣀⣀",
                " 50 ┤                 ⢀⣀⣀⡠⠤⠤⠔⠒⠒⠒⠉⠉⠉",
                "    │     ⣀⣀⣀⠤⠤⠤⠒⠒⠒⠊⠉⠉⠁",
                "  0 ┤⠒⠒⠉⠉⠉",
                "    └────────────────────────────────",
                "     0                          64000",
            ])
    }

    @Test("without braille the same ramp is drawn in ASCII alone")
    func rampInASCII() {
        let lines = chart(ramp, isASCII: true)
        #expect(
            lines == [
                "100 +",
                "    |                              ..",
                " 50 +                 ......:''''''",
                "    |     ......'''''''",
                "  0 +'''''",
                "    +--------------------------------",
                "     0                          64000",
            ])
        #expect(lines.joined().utf8.allSatisfy { $0 < 0x80 })
    }

    @Test("a sine swings around the middle of its scale")
    func sineSwings() {
        let points = (0..<64).map { Point(at: at($0), value: 20 + 5 * sin(Double($0) * .pi / 16)) }
        #expect(
            chart(points) == [
                "25 ┤  ⡠⠔⠒⠤⡀           ⡠⠔⠒⠤⡀",
                "   │⢀⠔⠁   ⠘⢄        ⢀⠔⠁   ⠘⢄",
                "20 ┤⠊       ⢣      ⢀⠎       ⢣      ⢀",
                "   │         ⠑⡄   ⡰⠁         ⠑⡄   ⡰⠁",
                "15 ┤          ⠈⠑⠒⠉            ⠈⠑⠒⠉",
                "   └────────────────────────────────",
                "    0                          64000",
            ])
    }

    @Test("a gap in the readings is a gap in the chart")
    func gapStaysEmpty() {
        let points = (Array(0..<16) + Array(48..<64)).map { Point(at: at($0), value: Double($0)) }
        #expect(
            chart(points, gap: .seconds(3)) == [
                "100 ┤",
                "    │                              ⣀⣀",
                " 50 ┤                        ⠒⠒⠒⠉⠉⠉",
                "    │     ⣀⣀⣀",
                "  0 ┤⠒⠒⠉⠉⠉",
                "    └────────────────────────────────",
                "     0                          64000",
            ])
    }

    @Test("a flat line has a scale around it")
    func flatLine() {
        #expect(
            chart((0..<64).map { Point(at: at($0), value: 230) }) == [
                "250 ┤",
                "    │⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀",
                "225 ┤",
                "    │",
                "200 ┤",
                "    └────────────────────────────────",
                "     0                          64000",
            ])
    }

    @Test("one point is one dot, in its place")
    func onePoint() {
        #expect(
            chart([Point(at: at(32), value: -4.5)]) == [
                "-4.0 ┤",
                "     │",
                "-4.5 ┤                ⠂",
                "     │",
                "-5.0 ┤",
                "     └────────────────────────────────",
                "      0                          64000",
            ])
    }

    @Test("nothing to draw is said")
    func empty() {
        #expect(chart([]) == ["no readings in this span"])
    }

    @Test(
        "every value has its place within the chart, and every number of the axis is another one",
        arguments: [
            [-1.7e308, 1.7e308], [100_000.01, 100_000.05], [0, 1e-9], [-40, 85], [0.1, 0.3],
            [999.999, 1000.001], [1, 1 + 1e-9],
        ] as [[Double]])
    func scales(values: [Double]) {
        var plot = TerminalPlot()
        plot.time = { "\($0.milliseconds)" }
        let points = values.enumerated().map { Point(at: at($0 * 30), value: $1) }
        let lines = plot.lines(points, since: at(0), until: at(64))
        #expect(lines.count == 15)
        #expect(lines.allSatisfy { displayWidth($0) <= 110 })
        #expect(lines.joined().unicodeScalars.contains { (0x2801...0x28FF).contains($0.value) })
        if values[1] - values[0] < 1e300, values[1] - values[0] > 1e-300 {
            let labels = plot.labels(points)
            #expect(Set(labels).count == 5, "\(labels)")
            #expect(labels.compactMap { Double($0) } == labels.compactMap { Double($0) }.sorted(by: >))
        }
    }

    @Test("the numbers of the axis enclose the values")
    func scaleEncloses() throws {
        var random = SeededGenerator(seed: 7)
        for _ in 0..<500 {
            let least = Double.random(in: -1000...1000, using: &random)
            let most = least + Double.random(in: 0.001...500, using: &random)
            let labels = TerminalPlot().labels([Point(at: at(0), value: least), Point(at: at(1), value: most)])
            let numbers = labels.compactMap { Double($0) }
            #expect(numbers.count == 5)
            #expect(numbers[4] <= least + 1e-9 && most <= numbers[0] + 1e-9, "\(least) \(most) \(labels)")
        }
    }
}
