import Foundation
import Glibc
import Measuring

/// One kind of input: each is taken, or refused as it should be.
protocol FuzzKind: AnyObject {
    /// Inputs of one call of `input`.
    var inputsAtOnce: Int { get }

    /// Makes an input and gives it to the code. Throws `FuzzFailure` where the outcome is wrong; a crash ends the process.
    func input(_ generator: inout Generator) throws

    /// Takes away what it made.
    func close()
}

extension FuzzKind {
    var inputsAtOnce: Int { 1 }
    func close() {}
}

/// An outcome that must not be.
struct FuzzFailure: Error {
    var sentence: String
}

/// Feeds damaged inputs for so many minutes, each kind in a process of its own by turns, and counts them over runs; ends at the
/// first that crashes, hangs or comes out wrong, and says how to have it again.
@main
enum Main {
    static func main() {
        BenchProgram("fuzz", usage: Options.usage).run { _ in
            let options = try Options(Array(CommandLine.arguments.dropFirst()))
            if let kind = options.kind {
                try Child.run(kind, options)
            } else {
                try Parent(options).run()
            }
        }
    }

    static func kinds(_ repository: String) throws -> [String] {
        try Messages.formats(repository).map { "messages-" + $0 } + ["configurations", "stores"]
    }
}

struct Options {
    static let usage =
        "usage: fuzz [--minutes N] [--counts FILE] [--repository DIR] [--only KIND --seed N --from N --inputs N]"

    var minutes = 1.0
    /// Where the counts of earlier runs are, a line a kind.
    var counts = ".build/fuzz-counts"
    var repository = "."
    /// Of a child.
    var kind: String?
    var seed: UInt64 = 0
    /// The first input of a child, each with a seed of its own, and how many.
    var from: UInt64 = 0
    var inputs = UInt64.max
    var seconds = 10.0
    /// Where a child says at which input it is.
    var place: String?

    init(_ arguments: [String]) throws {
        var rest = arguments[...]
        while let option = rest.popFirst() {
            guard let value = rest.popFirst() else { throw UsageError(sentence: "\(option) needs a value") }
            func number<Number: LosslessStringConvertible>() throws -> Number {
                guard let number = Number(value) else {
                    throw UsageError(sentence: "\(option) \(value): expected a number")
                }
                return number
            }
            switch option {
            case "--minutes": minutes = try number()
            case "--counts": counts = value
            case "--repository": repository = value
            case "--only": kind = value
            case "--seed": seed = try number()
            case "--from": from = try number()
            case "--inputs": inputs = try number()
            case "--seconds": seconds = try number()
            case "--place": place = value
            default: throw UsageError(sentence: "\(option) is no option")
            }
        }
    }
}

/// One kind, for some seconds.
enum Child {
    /// CPU seconds that no input may take.
    private static let inputSecondsMax = 10.0

    static func run(_ name: String, _ options: Options) throws {
        guard let place = Place(options.place) else { throw UsageError(sentence: "--place: cannot be written") }
        let kind: any FuzzKind =
            switch name {
            case "configurations": try Configurations(options.repository)
            case "stores": try Stores()
            case _ where name.hasPrefix("messages-"):
                try Messages(options.repository, format: String(name.dropFirst("messages-".count)))
            default: throw UsageError(sentence: "--only \(name): expected one of \(try Main.kinds(options.repository))")
            }
        defer { kind.close() }
        let end = Clocks.wall + options.seconds
        var (count, longest) = (UInt64(0), 0.0)
        while count < options.inputs, Clocks.wall < end {
            let number = options.from + count
            place.set(number)
            var generator = Generator(state: options.seed &* 0x9E37_79B9 &+ number)
            _ = generator.next()
            let begin = Clocks.thread
            do {
                try kind.input(&generator)
            } catch let failure as FuzzFailure {
                print("failure \(failure.sentence)")
                exit(4)
            }
            longest = max(longest, Clocks.thread - begin)
            guard longest < inputSecondsMax else {
                print("failure one input took \(Int(longest)) s of CPU time")
                exit(4)
            }
            count += 1
        }
        print("done \(count) \(count * UInt64(kind.inputsAtOnce)) \(longest)")
    }
}

/// A number that is still there once its process has crashed.
struct Place {
    private let memory: UnsafeMutablePointer<UInt64>

    /// In a file; without one in this process alone.
    init?(_ path: String?) {
        guard let path else {
            memory = .allocate(capacity: 1)
            return
        }
        let descriptor = open(path, O_RDWR | O_CREAT, 0o600)
        guard descriptor >= 0, ftruncate(descriptor, 8) == 0,
            let mapped = mmap(nil, 8, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0), mapped != MAP_FAILED
        else { return nil }
        close(descriptor)
        memory = mapped.bindMemory(to: UInt64.self, capacity: 1)
    }

    func set(_ number: UInt64) { memory.pointee = number }
    var number: UInt64 { memory.pointee }
}

/// Lets the kinds take turns, and counts.
struct Parent {
    private let options: Options
    private let place: String
    /// Bytes of resident memory that no child may have had.
    private static let residentMax = 1 << 30

    init(_ options: Options) {
        self.options = options
        place = "/dev/shm/baotu-fuzz-place-\(getpid())"
    }

    func run() throws {
        defer { unlink(place) }
        let kinds = try Main.kinds(options.repository)
        var counts = readCounts()
        let end = Clocks.wall + options.minutes * 60
        var seed = UInt64.random(in: 0..<1 << 32)
        // Each is run at least once, however short the time is.
        let seconds = max(0.2, min(20, options.minutes * 60 / Double(kinds.count)))
        var isFirst = true
        while isFirst || Clocks.wall < end {
            for kind in kinds where isFirst || Clocks.wall < end {
                counts[kind, default: 0] += try turn(kind, seed, seconds)
                write(counts)
            }
            isFirst = false
            seed += 1
        }
        print("inputs over all runs, none of which crashed, hung or came out wrong:")
        for kind in kinds { print("  \(kind): \(counts[kind] ?? 0)") }
    }

    /// Runs a kind; returns how many inputs it had.
    private func turn(_ kind: String, _ seed: UInt64, _ seconds: Double) throws -> Int {
        let child = Process()
        child.executableURL = URL(filePath: Machine.executable)
        child.arguments = [
            "--only", kind, "--seed", "\(seed)", "--seconds", "\(seconds)", "--place", place, "--repository",
            options.repository,
        ]
        let output = Pipe()
        child.standardOutput = output
        try child.run()
        let watchdog = DispatchWorkItem { kill(child.processIdentifier, SIGKILL) }
        DispatchQueue.global().asyncAfter(deadline: .now() + seconds + 120, execute: watchdog)
        let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        child.waitUntilExit()
        watchdog.cancel()
        let words = text.split(separator: "\n").last?.split(separator: " ") ?? []
        guard child.terminationReason == .exit, child.terminationStatus == 0, words.count == 4,
            let inputs = Int(words[2]), let longest = Double(words[3])
        else {
            let number = Place(place)?.number ?? 0
            let how =
                child.terminationReason == .exit
                ? "ended with \(child.terminationStatus): \(text)" : "ended by signal \(child.terminationStatus)"
            print("\(kind): input \(number) of seed \(seed) \(how)")
            print("once more: fuzz --only \(kind) --seed \(seed) --from \(number) --inputs 1")
            throw FuzzFailure(sentence: "\(kind): an input that must not be")
        }
        print("\(kind): \(inputs) inputs of seed \(seed), the longest \(Int(longest * 1e6)) us")
        return inputs
    }

    // MARK: Over runs

    private func readCounts() -> [String: Int] {
        var counts: [String: Int] = [:]
        for line in Machine.read(options.counts).split(separator: "\n") {
            let words = line.split(separator: " ")
            if words.count == 2, let count = Int(words[1]) { counts[String(words[0])] = count }
        }
        return counts
    }

    private func write(_ counts: [String: Int]) {
        let text = counts.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)\n" }.joined()
        do {
            try Data(text.utf8).write(to: URL(filePath: options.counts))
        } catch {
            print("counts cannot be kept in \(options.counts): \(error)")
        }
    }
}
