import Basics
import Measuring
import Store
import Telemetry

/// What one device kept over an outage, in whatever order it gives it back.
private enum BacklogOrder: String, CaseIterable {
    case oldestFirst = "oldest first"
    case newestFirst = "newest first"
    case scattered = "in no order"

    /// Which reading of `count` comes as the one of this number.
    func place(_ number: Int, of count: Int) -> Int {
        switch self {
        case .oldestFirst: number
        case .newestFirst: count - 1 - number
        // A prime step: each comes once, and hardly two that follow each other are near.
        case .scattered: number * 7919 % count
        }
    }
}

extension Bench {
    /// Commits of a backlog, the start after them, and the first answer of a reader: each order against the straight one.
    mutating func backlog() throws {
        let count = 340_000
        var straight: [Double] = []
        for order in BacklogOrder.allCases {
            let path = folder + "/backlog"
            Machine.removeTree(path)
            var options = StoreOptions(folder: path)
            options.journalBytesMax = .max
            let journal = try Journal.open(options)
            guard let device = journal.registry.intern(device: "buffered", profile: "bench"),
                let channel = journal.registry.intern(channel: ""), let quantity = Quantity(named: "active_power"),
                let series = journal.registry.intern(device: device, quantity: quantity, channel: channel)
            else { preconditionFailure("store-bench: no room for one device") }
            let begin = Fleet.time(ofMinute: 0)
            let now = begin + .seconds(count)
            var batch = DecodedBatch()
            let began = Clocks.wall
            for first in stride(from: 0, to: count, by: Self.readingsPerCommit) {
                batch.removeAll()
                for number in first..<min(first + Self.readingsPerCommit, count) {
                    let place = order.place(number, of: count)
                    batch.readings.append(
                        Reading(series: series, observed: begin + .seconds(place), value: Double(place % 1000)))
                    journal.registry.closeRow(batch.readings.suffix(1))
                }
                let commit = try journal.commit(batch, received: batch.readings.count, at: Moment(now))
                precondition(commit.turn.fresh.count == batch.readings.count, "store-bench: a reading was not fresh")
            }
            let committed = Clocks.wall - began
            journal.close()
            let starting = Clocks.wall
            let again = try Journal.open(options)
            let started = Clocks.wall - starting
            again.close()
            let asking = Clocks.wall
            let answers = try Archive(folder: path, threads: 1).latest()
            let answered = Clocks.wall - asking
            precondition(answers.count == 1, "store-bench: no newest reading")
            let seconds = [committed, started, answered]
            if straight.isEmpty { straight = seconds }
            for (name, (time, before)) in zip(["commits", "start", "reader"], zip(seconds, straight)) {
                table.add(
                    "backlog of 340,000, \(order.rawValue): \(name)", time, "s",
                    order == .newestFirst ? .atMost(1.5 * before) : .none,
                    "\(fixed(time / before, 2)) of the straight one")
            }
            if !self.options.keeps { Machine.removeTree(path) }
        }
    }
}
