public import ArgumentParser
import AsyncHTTPClient
import Basics
import Contract
import FoundationEssentials
import Glibc
import Interchange
import NIOCore
import Store
import Telemetry

extension ReadingFormat: ExpressibleByArgument {
    fileprivate var format: InterchangeFormat {
        switch self {
        case .csv: .csv
        case .jsonl: .jsonl
        }
    }
}

struct ExportCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "export", abstract: "Readings as CSV or JSON lines, as many as there are.",
        discussion: """
            The columns, or keys, are observed, device, quantity, channel, unit and value: times in UTC with \
            milliseconds, values with the fewest digits that give the same number back. In order of device and series, \
            each as it became known, then of time. Exit code 2 when damaged frames had to be left out.
            """)

    @Option(help: "Only this device, or a pattern with * and ?.", completion: NameCompletion.devices)
    var device: String?

    @Option(help: "Only this quantity, such as active_power.", completion: NameCompletion.quantities)
    var quantity: String?

    @Option(help: "Only devices of this area.", completion: NameCompletion.areas)
    var area: String?

    @Option(help: "Only devices of this profile.", completion: NameCompletion.profiles)
    var profile: String?

    @Option(help: "Only this channel, such as l1; empty for devices as a whole.")
    var channel: String?

    @Option(help: "From when: a time, a date, or how long ago, such as 24h or 7d. Default: from the beginning.")
    var since: MomentArgument?

    @Option(help: "Until when, not included. Default: to the end.")
    var until: MomentArgument?

    @Option(help: "csv or jsonl.")
    var format: ReadingFormat = .csv

    @Option(
        name: .shortAndLong,
        help: "The file to write; it gets its name when it is complete. Default: standard output.", completion: .file())
    var output: String?

    @OptionGroup var place: PlaceOptions

    func run() async throws {
        let now = presentMoment()
        let (from, to) = (since?.timestamp(now: now), until?.timestamp(now: now))
        if let from, let to, from >= to { throw failure("--since \(from) is not earlier than --until \(to)", 64) }
        var damaged = DamageList()
        try await place.answering {
            let request = ExportRequest(
                DeviceFilter(device: device, profile: profile, area: area, quantity: try checked(quantity)),
                channel: channel, since: from, until: to, format: format, isEndMarked: true)
            var target = try ExportTarget(output == "-" ? nil : output)
            do {
                if let store = place.store {
                    try write(try Archive(folder: store), request, to: &target, &damaged)
                } else {
                    try await write(DaemonSource(socketPath: place.socketPath), request, to: &target, &damaged)
                }
                try target.finish()
            } catch {
                target.abandon()
                throw error
            }
        }
        if !damaged.sentences.isEmpty { throw ExitCode(2) }
    }

    private func write(
        _ archive: Archive, _ request: ExportRequest, to target: inout ExportTarget, _ damaged: inout DamageList
    ) throws {
        var cursor = try archive.beginExport(request)
        var writer = ReadingWriter(format.format)
        var bytes = Array(writer.header.utf8)
        while !cursor.isAtEnd {
            let page = try archive.exportPage(from: cursor)
            for run in page.runs { writer.append(run, to: &bytes) }
            cursor = page.next
            for sentence in damaged.add(page.damaged) { target.complain("left out: \(sentence)") }
            try bytes.withUnsafeBytes { try target.write($0) }
            bytes.removeAll(keepingCapacity: true)
            target.show("device \(grouped(cursor.devicesDone)) of \(grouped(cursor.deviceCount))")
        }
        try bytes.withUnsafeBytes { try target.write($0) }
    }

    private func write(
        _ source: DaemonSource, _ request: ExportRequest, to target: inout ExportTarget, _ damaged: inout DamageList
    ) async throws {
        do {
            let answer = try await source.export(request)
            // Behind the separator, of which the text has none.
            var end: [UInt8]?
            var pieces = answer.body.makeAsyncIterator()
            while let piece = try await source.next(&pieces) {
                try piece.withUnsafeReadableBytes { bytes in
                    let place = end == nil ? bytes.firstIndex(of: ExportEnd.separator) : 0
                    let text = bytes[..<(place ?? bytes.count)]
                    if !text.isEmpty { try target.write(UnsafeRawBufferPointer(rebasing: text)) }
                    if let place { end = (end ?? []) + bytes[place...].drop { $0 == ExportEnd.separator } }
                }
                target.show(nil)
            }
            guard let end, let known = try? JSONDecoder().decode(ExportEnd.self, from: Data(end)) else {
                throw NoAnswer.unreachable("the gateway ended in the middle of the export; what came is not all")
            }
            for sentence in damaged.add(known.damaged) { target.complain("left out: \(sentence)") }
        } catch {
            try? await source.close()
            throw error is ExitCode ? error : source.unreachable(error)
        }
        try await source.close()
    }
}

/// Where an export goes: standard output, or a file that has another name until it is complete.
struct ExportTarget: ~Copyable {
    private let file: String?
    private let part: String
    private let descriptor: Int32
    private let console: Console
    private var bytes = 0
    private var lines = 0

    init(_ file: String?) throws {
        self.file = file
        part = (file ?? "") + ".part"
        console = Console(hasOutput: file == nil)
        signal(SIGPIPE, SIG_IGN)
        descriptor = file == nil ? STDOUT_FILENO : open(part, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o640)
        guard descriptor >= 0 else {
            throw NoAnswer.failed("cannot write \(part): \(String(cString: strerror(errno)))")
        }
    }

    mutating func write(_ piece: UnsafeRawBufferPointer) throws {
        let code = StandardStreams.write(piece, to: descriptor)
        // Who reads from a pipe may have seen enough.
        if code == EPIPE, file == nil { throw ExitCode.success }
        if code != 0 {
            throw NoAnswer.failed(
                "cannot write \(file == nil ? "the export" : part): \(String(cString: strerror(code)))")
        }
        bytes += piece.count
        // No name has a line break, so lines are readings.
        lines += piece.count { $0 == UInt8(ascii: "\n") }
    }

    func show(_ place: String?) {
        let (lines, bytes) = (lines, bytes)
        console.progress { seconds in
            let rate = Int(Double(lines) / max(0.001, seconds))
            return "\(grouped(lines)) readings, \(size(bytes)), \(grouped(rate))/s\(place.map { ", \($0)" } ?? "")"
        }
    }

    func complain(_ sentence: String) {
        console.say(sentence)
    }

    /// On disk first, then under its name.
    func finish() throws {
        console.clear()
        guard let file else { return }
        let isWritten = fsync(descriptor) == 0 && close(descriptor) == 0 && rename(part, file) == 0
        guard isWritten else { throw NoAnswer.failed("cannot write \(file): \(String(cString: strerror(errno)))") }
    }

    func abandon() {
        console.clear()
        if file != nil { unlink(part) }
    }
}
