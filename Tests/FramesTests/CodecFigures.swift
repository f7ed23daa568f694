import Basics
import Foundation
import Testing

@testable import Frames

/// Prints what the codecs take and how fast they are; run with BAOTU_CODEC_FIGURES=1 in a release build.
@Suite(
    "Figures of the codecs", .serialized,
    .enabled(if: ProcessInfo.processInfo.environment["BAOTU_CODEC_FIGURES"] == "1"))
struct CodecFigures {
    /// Nanoseconds of `body`: the median of several runs.
    private func nanoseconds(_ body: () throws -> Void) rethrows -> Double {
        var runs: [Double] = []
        for _ in 0..<9 {
            let clock = ContinuousClock()
            let took = try clock.measure(body)
            runs.append(Double(took.components.attoseconds) / 1e9 + Double(took.components.seconds) * 1e9)
        }
        return runs.sorted()[runs.count / 2]
    }

    private func text(_ number: Double, _ digits: Int = 3) -> String { String(format: "%.\(digits)f", number) }

    private func report(_ name: String, _ pieces: [RowBlock]) throws {
        var writer = ByteWriter(capacity: 1 << 20)
        var blobs: [[UInt8]] = []
        for piece in pieces {
            writer.removeAll()
            FrameCodec.encode(piece, into: &writer)
            blobs.append(writer.withBytes { Array($0) })
        }
        let readings = Double(pieces.reduce(0) { $0 + $1.readings })
        let bytes = Double(blobs.reduce(0) { $0 + $1.count })
        let encode = nanoseconds {
            for piece in pieces {
                writer.removeAll()
                FrameCodec.encode(piece, into: &writer)
            }
        }
        let times = UnsafeMutableBufferPointer<Int64>.allocate(capacity: FrameCodec.rowsMax)
        let values = UnsafeMutableBufferPointer<Double>.allocate(capacity: FrameCodec.rowsMax)
        defer {
            times.deallocate()
            values.deallocate()
        }
        var sum = 0.0
        let decode = try nanoseconds {
            for (piece, blob) in zip(pieces, blobs) {
                try blob.withUnsafeBytes { bytes in
                    let frame = try FrameCodec.open(bytes, start: piece.times[0])
                    try frame.times(into: times)
                    for column in 0..<frame.columns {
                        try frame.column(column, into: values)
                        sum += values[0]
                    }
                }
            }
        }
        let timeBytes = Double(
            pieces.reduce(0) { total, piece in
                writer.removeAll()
                FrameCodec.encode(RowBlock(times: piece.times, values: [], stride: 0), into: &writer)
                return total + writer.withBytes(\.count)
            })
        let rows = Double(pieces.reduce(0) { $0 + $1.count })
        print(
            "frame/\(name): \(text(bytes / readings)) bytes a reading, encode \(text(encode / readings, 1)) ns, decode",
            "\(text(decode / readings, 1)) ns a reading; \(text(timeBytes / rows)) bytes a time", sum.isNaN ? "" : ".")
        for column in 0..<pieces[0].stride {
            var (bytes, readings) = (0, 0)
            for piece in pieces {
                let values = (0..<piece.count).map { piece[$0, column] }
                writer.removeAll()
                let alone = RowBlock(
                    times: (0..<piece.count).map { noon.milliseconds + Int64($0) }, values: values, stride: 1)
                FrameCodec.encode(alone, into: &writer)
                bytes += writer.withBytes(\.count) - 9
                readings += alone.readings
            }
            print("  column \(column): \(text(Double(bytes) / Double(max(1, readings))))")
        }
    }

    @Test("frames of a fleet")
    func fleet() throws {
        let devices = (0..<40 as Range<UInt64>).map { CodecSamples.device(seed: $0, days: 1) }
        try report("fleet/720", devices.flatMap { $0.pieces(720) })
        try report("fleet/24", devices.prefix(4).flatMap { $0.pieces(24) })
    }

    @Test("frames of Beijing")
    func beijing() throws {
        guard let rows = try CodecSamples.beijing() else { return print("no data beside the repository") }
        try report("beijing/1024", rows.pieces(1024))
        try report("beijing/24", rows.pieces(24))
    }

    @Test("frames of the other data sets")
    func others() throws {
        guard let folder = CodecSamples.dataFolder else { return print("no data beside the repository") }
        let files = FileManager.default.enumerator(at: folder, includingPropertiesForKeys: nil)!
            .compactMap { $0 as? URL }.filter { $0.pathExtension == "csv" }.sorted { $0.path < $1.path }
        for file in files {
            let columns = try CodecSamples.columns(file)
            var (bytes, readings) = (0, 0)
            for column in columns {
                let rows = RowBlock(
                    times: column.indices.map { noon.milliseconds + Int64($0) * 60_000 }, values: column, stride: 1)
                for piece in rows.pieces(1024) {
                    var writer = ByteWriter()
                    FrameCodec.encode(piece, into: &writer)
                    bytes += writer.withBytes(\.count)
                    readings += piece.readings
                }
            }
            print("  \(file.lastPathComponent): \(text(Double(bytes) / Double(readings))) of \(columns.count) columns")
        }
    }

    @Test("hours and histograms of a fleet")
    func rollups() throws {
        let devices = (0..<40 as Range<UInt64>).map { CodecSamples.device(seed: $0, days: 1) }
        let columns = devices.flatMap { block in
            (0..<block.stride).map { column in (block.times, (0..<block.count).map { block[$0, column] }) }
        }
        let rows = devices.flatMap(CodecSamples.hourRows)
        var writer = ByteWriter(capacity: 1 << 16)
        var blobs: [[UInt8]] = []
        for row in rows {
            writer.removeAll()
            row.encode(into: &writer)
            blobs.append(writer.withBytes { Array($0) })
        }
        let size = Double(blobs.reduce(0) { $0 + $1.count })
        let count = Double(rows.count)
        let encode = nanoseconds {
            for row in rows {
                writer.removeAll()
                row.encode(into: &writer)
            }
        }
        let decode = try nanoseconds {
            for blob in blobs { _ = try blob.withUnsafeBytes { try HourRow.decode($0) } }
        }
        let summarize = nanoseconds {
            for (times, values) in columns {
                _ = HourRow.hours(day: FrameKey.day(of: times[0]), times: times, values: values)
            }
        }
        print(
            "hours/fleet: \(text(size / count / 24, 2)) bytes an hour, encode \(text(encode / count, 0)) ns, decode",
            "\(text(decode / count, 0)) ns a row, summaries \(text(summarize / count / 1440, 1)) ns a reading")
        for column in 0..<5 {
            let bytes = Swift.stride(from: column, to: blobs.count, by: 5).reduce(0) { $0 + blobs[$1].count }
            print("  column \(column): \(text(Double(bytes) / Double(devices.count) / 24, 2))")
        }
        var histograms: [Histogram] = []
        let add = nanoseconds {
            histograms = columns.map { _, values in
                var histogram = Histogram()
                for value in values { histogram.add(value) }
                return histogram
            }
        }
        var sizes = [Int](repeating: 0, count: 5)
        for (place, histogram) in histograms.enumerated() {
            writer.removeAll()
            histogram.encode(into: &writer)
            sizes[place % 5] += writer.withBytes(\.count)
        }
        print(
            "histogram/fleet: \(text(Double(sizes.reduce(0, +)) / count, 1)) bytes for 1440 readings",
            "\(sizes.map { $0 / devices.count }), add \(text(add / count / 1440, 1)) ns")
    }
}
