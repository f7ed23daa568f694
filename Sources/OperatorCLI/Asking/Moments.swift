import ArgumentParser
import Basics
import Glibc
import Settings
import Telemetry

/// A moment on the command line: RFC 3339, without zone by the wall clock here, a date alone for its first moment, or how
/// long ago (`90s`, `10m`, `24h`, `7d`).
struct MomentArgument: ExpressibleByArgument, Equatable {
    enum Written: Equatable {
        case at(Timestamp)
        case ago(Duration)
    }

    let written: Written
    /// As it was given.
    let defaultValueDescription: String

    init?(argument: String) {
        defaultValueDescription = argument
        if let span = Duration(shortForm: argument) {
            written = .ago(span)
        } else if let moment = Timestamp(iso8601: argument) {
            written = .at(moment)
        } else if let wall = Timestamp(iso8601: argument, assumedOffsetSeconds: 0)
            ?? Timestamp(iso8601: argument + "T00:00:00", assumedOffsetSeconds: 0)
        {
            // The offset of that day: summer time may have begun or ended since.
            written = .at(wall - .seconds(localOffsetSeconds(at: wall)))
        } else {
            return nil
        }
    }

    func timestamp(now: Timestamp) -> Timestamp {
        switch written {
        case .at(let moment): moment
        case .ago(let span): max(now - span, Timestamp(milliseconds: 0))
        }
    }
}

/// A span on the command line with its unit: `30s`, `5m`, `1h`, `1d`.
struct SpanArgument: ExpressibleByArgument, Equatable {
    let duration: Duration
    /// As it was given.
    let defaultValueDescription: String

    init?(argument: String) {
        guard let duration = Duration(shortForm: argument), duration > .zero else { return nil }
        self.duration = duration
        defaultValueDescription = argument
    }
}

func presentMoment() -> Timestamp {
    var time = timespec()
    clock_gettime(CLOCK_REALTIME, &time)
    return Timestamp(milliseconds: Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000)
}

func localOffsetSeconds(at moment: Timestamp) -> Int {
    var seconds = time_t(moment.milliseconds.flooredDivision(by: 1000))
    var local = tm()
    localtime_r(&seconds, &local)
    return local.tm_gmtoff
}

/// For a screen: the local wall clock with its zone, `2026-03-05 18:15:02 +08:00`.
func localTime(_ moment: Timestamp) -> String {
    let offset = localOffsetSeconds(at: moment)
    let shifted = Timestamp(milliseconds: moment.milliseconds + Int64(offset) * 1000).description
    let wall = shifted.prefix(19).replacing("T", with: " ")
    return "\(wall) \(zoneName(at: moment))"
}

/// `UTC`, or by how much the local wall clock is ahead of it: `+08:00`.
func zoneName(at moment: Timestamp) -> String {
    let offset = localOffsetSeconds(at: moment)
    if offset == 0 { return "UTC" }
    let minutes = abs(offset) / 60
    func two(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }
    return "\(offset < 0 ? "-" : "+")\(two(minutes / 60)):\(two(minutes % 60))"
}

/// By how much a device's time lies behind the wall clock, in the largest unit that is at least two: `12s`, `5m`, `3h`, `2d`.
func age(of moment: Timestamp, now: Timestamp) -> String {
    let seconds = (now - moment).milliseconds / 1000
    return seconds < 0 ? "in \(roughly(-seconds))" : roughly(seconds)
}

/// A span in the largest unit of which there are at least two; `?` where nobody knows it.
func roughly(_ seconds: Double?) -> String { seconds.map { roughly(Int64($0)) } ?? "?" }

private func roughly(_ seconds: Int64) -> String {
    if seconds < 120 { return "\(seconds)s" }
    if seconds < 7200 { return "\(seconds / 60)m" }
    if seconds < 172_800 { return "\(seconds / 3600)h" }
    return "\(seconds / 86_400)d"
}
