import Basics
import Glibc
import Measuring
import Store
import Telemetry

/// What a start after a crash takes when the journal is far beyond its size: each step a process of its own, so that
/// neither finds the other's memory.
enum Replay {
    /// Fills the journal of `folder` and never seals it.
    static func fill(_ folder: String, readings: Int) throws {
        var options = StoreOptions(folder: folder)
        options.journalBytesMax = .max
        let journal = try Journal.open(options)
        var fleet = Fleet(registry: &journal.registry)
        var batch = DecodedBatch()
        let devicesPerCommit = Bench.readingsPerCommit / Fleet.columns
        for minute in 0..<readings / Fleet.readingsPerMinute {
            for first in stride(from: 0, to: Fleet.devices, by: devicesPerCommit) {
                let now = fleet.fill(&batch, minute: minute, devices: first..<first + devicesPerCommit)
                _ = try journal.commit(batch, received: batch.heard.count, at: Moment(now))
            }
        }
        journal.close()
    }

    /// Prints seconds, rows and the peak of resident memory in bytes.
    static func open(_ folder: String) throws {
        let begin = Clocks.wall
        let journal = try Journal.open(StoreOptions(folder: folder))
        print(Clocks.wall - begin, journal.journalRows, Machine.peakResidentBytes)
    }

    /// Seals what `fill` left, and prints the seconds that the steps on the committing thread take, and those beside.
    static func seal(_ folder: String) throws {
        let journal = try Journal.open(StoreOptions(folder: folder))
        let now = Fleet.time(ofMinute: 10_000)
        let begin = Clocks.wall
        let job = try journal.beginSeal(state: [], now: now)
        let began = Clocks.wall
        let days = try job.run()
        let ran = Clocks.wall
        try journal.finishSeal(days)
        print(began - begin, ran - began, Clocks.wall - ran)
        journal.close()
    }

    /// Runs this program for one of the steps above; what it prints, as numbers.
    static func child(_ step: String, _ folder: String, readings: Int) throws -> [Double] {
        let output = folder + ".out"
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, 1, output, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
        let arguments =
            [Machine.executable, "--step", step, folder, String(readings)].map { (text: String) in strdup(text) } + [
                nil
            ]
        defer { for argument in arguments { free(argument) } }
        var id: pid_t = 0
        var status: Int32 = 0
        guard posix_spawn(&id, Machine.executable, &actions, nil, arguments, environ) == 0,
            waitpid(id, &status, 0) == id, status == 0
        else { throw StepFailed(step: step) }
        defer { unlink(output) }
        return Machine.read(output).split(whereSeparator: \.isWhitespace).compactMap { Double($0) }
    }
}

private struct StepFailed: Error, CustomStringConvertible {
    var step: String
    var description: String { "the step \(step) in a process of its own failed" }
}

extension Bench {
    mutating func replay() throws {
        let path = folder + "/replay"
        let readings = options.replayReadings
        _ = try Replay.child("fill", path, readings: readings)
        var times = Times()
        var memory = 0.0
        for _ in 0..<5 {
            let figures = try Replay.child("open", path, readings: readings)
            precondition(figures[1] == Double(readings / Self.readingsPerCommit), "store-bench: a row is missing")
            times.add(figures[0])
            memory = max(memory, figures[2])
        }
        let millions = Double(readings) / 1e6
        table.add(
            "replay of \(fixed(millions, 0)) M readings from the journal", times.median, "s",
            .atMost(millions / 10), "\(fixed(times.median / Double(readings) * 1e9, 0)) ns a reading")
        table.add("resident memory of that start", memory / 1e6, "MB", .none, "the journal's rows stay in memory")
        let steps = try Replay.child("seal", path, readings: readings)
        table.add(
            "sealing that journal: on the committing thread", (steps[0] + steps[2]) * 1e3, "ms", .none,
            "\(fixed(steps[1] * 1e3, 0)) ms beside it")
        if !options.keeps { Machine.removeTree(path) }
    }
}
