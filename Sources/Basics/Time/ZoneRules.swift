/// The clock of a named time zone such as `Asia/Shanghai`: how far it is ahead of UTC, and since when.
///
/// Read from the system's zone files (package tzdata); the library that could do it for us brings 40 MB of Unicode
/// tables into each program. Source of the format: RFC 9636.
public struct ZoneRules: Sendable {
    /// As given, such as `Asia/Shanghai`.
    public let name: String
    /// Rising; seconds since 1970.
    private let moments: [Int64]
    /// Seconds east of UTC from each moment on.
    private let offsets: [Int32]
    /// Before the first moment.
    private let firstOffset: Int32

    /// Reads a zone file of version 2 or later; nil where it does not follow its format.
    public init?(name: String, file: [UInt8]) {
        self.name = name
        var reader = ZoneFileReader(file)
        guard let old = reader.header(), reader.skip(old.bodyBytes(timeBytes: 4)), let header = reader.header(),
            header.typeCount > 0
        else { return nil }
        var moments: [Int64] = []
        for _ in 0..<header.timeCount {
            guard let moment = reader.integer(8) else { return nil }
            moments.append(moment)
        }
        var places: [Int] = []
        for _ in 0..<header.timeCount {
            guard let place = reader.integer(1), (0..<header.typeCount).contains(Int(place)) else { return nil }
            places.append(Int(place))
        }
        var types: [(offset: Int32, isSummer: Bool)] = []
        for _ in 0..<header.typeCount {
            guard let offset = reader.integer(4), abs(offset) < 172_800, let summer = reader.integer(1),
                reader.integer(1) != nil
            else { return nil }
            types.append((Int32(offset), summer != 0))
        }
        guard reader.skip(header.restBytes(timeBytes: 8)) else { return nil }
        guard zip(moments, moments.dropFirst()).allSatisfy({ $0 < $1 }) else { return nil }
        var offsets = places.map { types[$0].offset }
        // What the file says of the years after its last moment, as moments up to 2110: a slim file of Europe/Berlin ends
        // with 1996.
        if let rule = reader.footer().flatMap({ PosixZone($0) }) {
            for change in rule.changes(years: 1970...2110) where change.at > moments.last ?? .min {
                moments.append(change.at)
                offsets.append(change.offset)
            }
        }
        firstOffset = (types.first { !$0.isSummer } ?? types[0]).offset
        self.moments = moments
        self.offsets = offsets
    }

    /// Seconds east of UTC at a moment.
    public func offsetSeconds(at moment: Timestamp) -> Int {
        let seconds = moment.milliseconds.flooredDivision(by: 1000)
        let next = moments.partitioningIndex { $0 > seconds }
        return Int(next == 0 ? firstOffset : offsets[next - 1])
    }

    /// The moments in `span` at which the clock is put forward or back, rising, with its seconds east of UTC from each on.
    public func changes(in span: Range<Timestamp>) -> [(at: Timestamp, offsetSeconds: Int)] {
        zip(moments, offsets).compactMap { seconds, offset in
            let (milliseconds, isBeyond) = seconds.multipliedReportingOverflow(by: 1000)
            guard !isBeyond, span.contains(Timestamp(milliseconds: milliseconds)) else { return nil }
            return (Timestamp(milliseconds: milliseconds), Int(offset))
        }
    }

    /// The moment at which clocks here show `civil`. In the hour that comes twice, that of the two nearer to `near`;
    /// in the hour that is left out, as if the clock had not been put forward.
    public func moment(of civil: CivilTime, near: Timestamp) -> Timestamp {
        let local = civil.timestamp()
        let day = Int64(86_400_000)
        var best: Timestamp?
        let before = offsetSeconds(at: Timestamp(milliseconds: local.milliseconds - day))
        for offset in [before, offsetSeconds(at: Timestamp(milliseconds: local.milliseconds + day))] {
            let moment = Timestamp(milliseconds: local.milliseconds - Int64(offset) * 1000)
            guard offsetSeconds(at: moment) == offset else { continue }
            if let known = best,
                abs(known.milliseconds - near.milliseconds) <= abs(moment.milliseconds - near.milliseconds)
            {
                continue
            }
            best = moment
        }
        return best ?? Timestamp(milliseconds: local.milliseconds - Int64(before) * 1000)
    }
}

/// The parts of a zone file, front to back and never past its end.
private struct ZoneFileReader {
    struct Header {
        var utcCount: Int
        var standardCount: Int
        var leapCount: Int
        var timeCount: Int
        var typeCount: Int
        var letterCount: Int

        func bodyBytes(timeBytes: Int) -> Int {
            timeCount * (timeBytes + 1) + typeCount * 6 + restBytes(timeBytes: timeBytes)
        }
        /// Behind the types.
        func restBytes(timeBytes: Int) -> Int { letterCount + leapCount * (timeBytes + 4) + standardCount + utcCount }
    }

    private let bytes: [UInt8]
    private var position = 0

    init(_ bytes: [UInt8]) { self.bytes = bytes }

    mutating func header() -> Header? {
        guard position + 44 <= bytes.count, bytes[position..<position + 4].elementsEqual("TZif".utf8),
            bytes[position + 4] >= UInt8(ascii: "2")
        else { return nil }
        position += 20
        var counts: [Int] = []
        for _ in 0..<6 {
            guard let count = integer(4), (0...65_536).contains(count) else { return nil }
            counts.append(Int(count))
        }
        return Header(
            utcCount: counts[0], standardCount: counts[1], leapCount: counts[2], timeCount: counts[3],
            typeCount: counts[4], letterCount: counts[5])
    }

    mutating func skip(_ count: Int) -> Bool {
        guard position + count <= bytes.count else { return false }
        position += count
        return true
    }

    /// Big endian; of 4 and 8 bytes with sign.
    mutating func integer(_ count: Int) -> Int64? {
        guard position + count <= bytes.count else { return nil }
        var number: UInt64 = 0
        for byte in bytes[position..<position + count] { number = number << 8 | UInt64(byte) }
        position += count
        return count == 4 ? Int64(Int32(truncatingIfNeeded: number)) : Int64(bitPattern: number)
    }

    /// The text between the two line ends behind the last part.
    func footer() -> String? {
        guard position < bytes.count, bytes[position] == UInt8(ascii: "\n"), bytes.last == UInt8(ascii: "\n"),
            position + 1 < bytes.count
        else { return nil }
        return String(decoding: bytes[(position + 1)..<(bytes.count - 1)], as: UTF8.self)
    }
}

/// A rule such as `CET-1CEST,M3.5.0,M10.5.0/3`: the changes of every year. Source: POSIX.1-2017, 8.3, TZ; only the
/// `M` form, which all zones in use today have.
private struct PosixZone {
    private struct Day {
        var month: Int
        var week: Int
        var weekday: Int
        var second: Int
    }

    private let standard: Int32
    private let summer: Int32
    private let begin: Day
    private let end: Day

    /// nil where there is no summer time: then the last moment of the file goes on.
    init?(_ text: String) {
        let parts = text.split(separator: ",", omittingEmptySubsequences: false)
        guard parts.count == 3 else { return nil }
        var rest = parts[0]
        Self.dropName(&rest)
        guard let standard = Self.duration(&rest) else { return nil }
        Self.dropName(&rest)
        let summer = rest.isEmpty ? standard - 3600 : Self.duration(&rest)
        guard let summer, let begin = Self.day(parts[1]), let end = Self.day(parts[2]) else { return nil }
        // Written as what is to be added to reach UTC.
        self.standard = Int32(-standard)
        self.summer = Int32(-summer)
        self.begin = begin
        self.end = end
    }

    func changes(years: ClosedRange<Int>) -> [(at: Int64, offset: Int32)] {
        years.flatMap { year in
            [
                (at: Self.seconds(begin, year) - Int64(standard), offset: summer),
                (at: Self.seconds(end, year) - Int64(summer), offset: standard),
            ]
        }.sorted { $0.at < $1.at }
    }

    /// Wall time of a rule's day, in seconds since 1970 as if it were UTC.
    private static func seconds(_ day: Day, _ year: Int) -> Int64 {
        let first = CivilTime(year: year, month: day.month, day: 1).timestamp().milliseconds / 86_400_000
        // 1970-01-01 was a Thursday.
        let weekday = Int((first + 4) % 7)
        var date = (day.weekday - weekday + 7) % 7 + (day.week - 1) * 7
        let next =
            day.month == 12
            ? CivilTime(year: year + 1, month: 1, day: 1) : CivilTime(year: year, month: day.month + 1, day: 1)
        let length = Int(next.timestamp().milliseconds / 86_400_000 - first)
        while date >= length { date -= 7 }
        return (first + Int64(date)) * 86_400 + Int64(day.second)
    }

    private static func dropName(_ text: inout Substring) {
        if text.first == "<" {
            text = text[(text.firstIndex(of: ">").map(text.index(after:)) ?? text.endIndex)...]
        } else {
            text = text.drop(while: \.isLetter)
        }
    }

    /// `[+-]h[h][:mm[:ss]]` in seconds.
    private static func duration(_ text: inout Substring) -> Int? {
        let end = text.firstIndex { !($0.isNumber || $0 == ":" || $0 == "-" || $0 == "+") } ?? text.endIndex
        defer { text = text[end...] }
        let isNegative = text.first == "-"
        let fields = text[..<end].drop { $0 == "-" || $0 == "+" }.split(separator: ":").map { Int($0) }
        guard (1...3).contains(fields.count), fields.allSatisfy({ $0 != nil && $0! <= 167 }) else { return nil }
        let seconds = zip(fields, [3600, 60, 1]).reduce(0) { $0 + $1.0! * $1.1 }
        return isNegative ? -seconds : seconds
    }

    private static func day(_ text: Substring) -> Day? {
        let parts = text.split(separator: "/")
        guard let rule = parts.first, rule.first == "M", parts.count <= 2 else { return nil }
        let numbers = rule.dropFirst().split(separator: ".").map { Int($0) ?? 0 }
        guard numbers.count == 3, (1...12).contains(numbers[0]), (1...5).contains(numbers[1]),
            (0...6).contains(numbers[2])
        else { return nil }
        var second = 7200
        if parts.count == 2 {
            var rest = parts[1]
            guard let found = duration(&rest), rest.isEmpty else { return nil }
            second = found
        }
        return Day(month: numbers[0], week: numbers[1], weekday: numbers[2], second: second)
    }
}
