import Basics
import Contract
import Telemetry
import Testing
import TestSupport

/// What is written as a URL is read as what it was.
@Suite("Requests and orders as URLs")
struct RoundTripTests {
    /// Names as devices, areas and people have them, and as nobody should.
    private static let names = [
        "lamp-1", "", " ", "+", "%", "&", "=", "?", "#", "/", "a+b", "100 %", "a&device=b", "路灯 1+2&a=b%", "%2B", "%zz",
        "*", "lamp-?*", "é\u{301}", "🚦", "a\nb", "\u{0}", "\u{7F}", "\"quoted\"", "a;b,c", "..", "a/../b", "\u{FEFF}x",
    ]

    private struct Draw {
        var random: SeededGenerator

        mutating func maybe<Value>(_ value: (inout Draw) -> Value) -> Value? {
            Bool.random(using: &random) ? value(&self) : nil
        }

        mutating func name() -> String {
            names.randomElement(using: &random)!
                + (Bool.random(using: &random) ? "" : names.randomElement(using: &random)!)
        }

        /// One that steers no screen.
        mutating func word() -> String {
            names.filter { $0 != " " && !$0.unicodeScalars.contains(where: \.isSteering) }.randomElement(
                using: &random)!
        }

        mutating func flag() -> Bool { Bool.random(using: &random) }
        mutating func moment() -> Timestamp {
            Timestamp(milliseconds: Int64.random(in: 1_600_000_000_000..<1_900_000_000_000, using: &random))
        }
        mutating func span() -> (since: Timestamp, until: Timestamp) {
            let since = moment()
            return (since, since + .milliseconds(Int64.random(in: 1...1_000_000_000, using: &random)))
        }
        mutating func width() -> Duration { .milliseconds(Int64.random(in: 1...1_000_000_000, using: &random)) }
        mutating func quantity() -> String { Quantity.all.map(\.name).randomElement(using: &random)! }
        mutating func number(_ range: ClosedRange<Int>) -> Int { Int.random(in: range, using: &random) }
        mutating func word<Word: CaseIterable>(_: Word.Type) -> Word {
            Array(Word.allCases).randomElement(using: &random)!
        }

        mutating func filter() -> DeviceFilter {
            DeviceFilter(
                device: maybe { $0.name() }, profile: maybe { $0.name() }, area: maybe { $0.name() },
                quantity: maybe { $0.quantity() })
        }

        mutating func incidents() -> IncidentsRequest {
            let span = span()
            return IncidentsRequest(
                since: flag() ? span.since : nil, until: flag() ? span.until : nil, area: maybe { $0.name() },
                circuit: maybe { $0.name() }, severity: maybe { $0.word(Severity.self) }, rule: maybe { $0.name() },
                device: maybe { $0.name() }, state: maybe { $0.word(IncidentState.self) },
                before: maybe { Int64($0.number(1...Int.max)) }, limit: number(IncidentsRequest.limits))
        }

        /// One of each kind.
        mutating func requests() -> [any Request] {
            let (history, query, export) = (span(), span(), span())
            return [
                StatusRequest(), LiveRequest(), DoctorRequest(),
                DevicesRequest(device: maybe { $0.name() }, profile: maybe { $0.name() }, area: maybe { $0.name() }),
                LatestRequest(filter()),
                HistoryRequest(
                    device: name(), quantity: maybe { $0.quantity() }, channel: maybe { $0.name() },
                    since: history.since, until: history.until, step: maybe { $0.width() },
                    limit: number(1...HistoryAnswer.pointsMax)),
                QueryRequest(
                    filter: filter(), since: query.since, until: query.until, step: maybe { $0.width() },
                    group: word(QueryRequest.Group.self), quantiles: flag(), top: maybe { $0.number(1...1_000_000) },
                    order: word(QueryRequest.Statistic.self), ascending: flag()),
                StatisticsRequest(
                    device: maybe { $0.name() }, quantity: maybe { $0.quantity() }, window: maybe { $0.width() }),
                AlertsRequest(
                    phase: maybe { $0.word(AlertPhase.self) }, device: maybe { $0.name() }, rule: maybe { $0.name() }),
                AlertRequest(Int64(number(Int.min...Int.max))), WhyRequest(Int64(number(Int.min...Int.max))),
                MissedRequest(since: export.since, until: flag() ? export.until : nil),
                incidents(), IncidentRequest(Int64(number(Int.min...Int.max))),
                RejectsRequest(
                    limit: number(RejectsRequest.limits), reason: maybe { $0.word(Unread.Cause.self) },
                    device: maybe { $0.name() }),
                ExportRequest(
                    filter(), channel: maybe { $0.name() }, since: flag() ? export.since : nil,
                    until: flag() ? export.until : nil, format: word(ReadingFormat.self), isEndMarked: flag()),
                AcknowledgeOrder(alert: Int64(number(0...1000)), by: word(), note: word()),
                CorrectionsRequest(
                    device: maybe { $0.name() }, since: flag() ? export.since : nil, isByPeople: flag(),
                    before: maybe { Int64($0.number(1...Int.max)) }, limit: number(CorrectionsRequest.limits)),
                ImportOrder(format: word(ReadingFormat.self), profile: "x" + name()),
                ReloadOrder(), NotifyTestOrder(channel: "c" + name()),
            ]
        }
    }

    private func expectSame<Kind: Request>(_ request: Kind, seed: UInt64) throws {
        let target = request.target
        #expect(try Kind(target: target) == request, "seed \(seed): \(target)")
        #expect(target.utf8.allSatisfy { (0x21...0x7E).contains($0) }, "seed \(seed): \(target)")
    }

    @Test("every kind comes back as it was, whatever the names", arguments: 0..<200 as Range<UInt64>)
    func roundTrip(seed: UInt64) throws {
        var draw = Draw(random: SeededGenerator(seed: seed))
        for request in draw.requests() { try expectSame(request, seed: seed) }
    }

    @Test("no two kinds have the same route")
    func routes() {
        var draw = Draw(random: SeededGenerator(seed: 1))
        let routes = draw.requests().map { "\(type(of: $0).route.method) \(type(of: $0).route.pattern)" }
        #expect(Set(routes).count == routes.count)
    }

    @Test("what stands in the URL is what people would write")
    func written() {
        #expect(StatusRequest().target == "/v1/status")
        #expect(AlertRequest(7).target == "/v1/alerts/7")
        #expect(
            LatestRequest(DeviceFilter(device: "lamp*", area: "历下")).target
                == "/v1/latest?device=lamp*&area=%E5%8E%86%E4%B8%8B")
        #expect(
            AcknowledgeOrder(alert: 7, by: "kim", note: "on it").target
                == "/v1/alerts/7/acknowledge?by=kim&note=on%20it")
        let noon = Timestamp(milliseconds: 1_773_576_000_000)
        #expect(
            HistoryRequest(device: "a", since: noon, until: noon + .seconds(1)).target
                == "/v1/history?device=a&since=2026-03-15T12:00:00Z&until=2026-03-15T12:00:01Z&limit=10000")
    }
}

@Suite("Reading a URL")
struct FormTests {
    private func refusal(_ target: String) -> Refusal? {
        do throws(Refusal) {
            _ = try LatestRequest(target: target)
            return nil
        } catch {
            return error
        }
    }

    @Test("a parameter that nobody knows is refused with the nearest that there is")
    func unknown() {
        #expect(refusal("/v1/latest?aera=Lixia") == .wrong("aera: there is no such parameter; did you mean 'area'?"))
        #expect(
            refusal("/v1/latest?colour=red")
                == .wrong("colour: there is no such parameter; there are device, profile, area, quantity"))
        #expect(
            refusal("/v1/latest?=1")
                == .wrong(": there is no such parameter; there are device, profile, area, quantity"))
    }

    @Test("a parameter given twice is refused, also when it says the same")
    func twice() {
        #expect(refusal("/v1/latest?area=a&area=b") == .wrong("area: given twice; expected it once"))
        #expect(refusal("/v1/latest?area=a&%61rea=a") == .wrong("area: given twice; expected it once"))
    }

    @Test("what is no UTF-8 is refused", arguments: ["%", "%2", "%zz", "%FF", "a%C3"])
    func notText(value: String) {
        let refusal = refusal("/v1/latest?area=\(value)")
        #expect(refusal == .wrong("area: '\(value)': expected UTF-8 with % and two digits for a byte"))
    }

    @Test("empty parts and a fragment say nothing; a name without a value is empty; a plus is a plus")
    func lenient() throws {
        #expect(try LatestRequest(target: "/v1/latest?") == LatestRequest())
        #expect(try LatestRequest(target: "/v1/latest?&&area=a&#area=b") == LatestRequest(DeviceFilter(area: "a")))
        #expect(try LatestRequest(target: "/v1/latest?area") == LatestRequest(DeviceFilter(area: "")))
        #expect(try LatestRequest(target: "/v1/latest?area=a=b+c") == LatestRequest(DeviceFilter(area: "a=b+c")))
    }

    @Test("another path is no such route")
    func path() {
        #expect(refusal("/v1/later") == .notFound("there is no such route"))
        #expect(refusal("/v1/latest/1") == .notFound("there is no such route"))
    }

    @Test("a refusal has the status that its reader makes the same refusal of")
    func statuses() {
        for refusal in [Refusal.wrong("a"), .notFound("b"), .unavailable("c"), .failed("d")] {
            #expect(Refusal(status: refusal.status, sentence: "\(refusal)") == refusal)
        }
    }
}

@Suite("What to do about messages without a reading")
struct UnreadAdviceTests {
    @Test("is a line that can be copied, whatever the topic")
    func quoting() {
        let answer = RejectsAnswer.Unread(
            about: .device, device: "a'b", cause: "malformed", messages: 1, since: Timestamp(milliseconds: 0),
            lastAt: Timestamp(milliseconds: 0), messagesSinceReading: 1, sinceReading: nil, topic: "x'; reboot; '")
        #expect(answer.mend.hasPrefix(#"baotu rejects --device='a'\''b' --reason malformed"#))
        var other = answer
        other.cause = "nothing-read"
        #expect(other.mend.contains(#"-t 'x'\''; reboot; '\''',"#))
        for cause in Unread.Cause.allCases {
            other.cause = cause.rawValue
            #expect(!other.mend.isEmpty && !other.why.isEmpty && other.isHarmless == cause.isHarmless)
        }
    }
}
