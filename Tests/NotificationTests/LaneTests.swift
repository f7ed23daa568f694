import Basics
import Notification
import Synchronization
import Telemetry
import Testing

private struct Sleeper: NotificationChannel {
    let name = "sleeper"
    let width = 2
    let timeLimit: Duration?
    /// Whether it tells in the end although it is cancelled.
    let isStubborn: Bool

    func deliver(_ notice: AlertNotice) async -> Delivery {
        do {
            try await Task.sleep(for: .seconds(3600))
            return .delivered
        } catch {
            return isStubborn ? .delivered : .failed(reason: "cancelled")
        }
    }
}

@Suite("A lane")
struct LaneTests {
    private func parcel(_ id: Int64) -> Lane.Parcel {
        Lane.Parcel(
            id: id, attempts: 0,
            notice: AlertNotice(
                alertID: id, rule: "r", subject: .device, name: "lamp-\(id)", quantity: nil, channel: nil,
                phase: .firing, severity: .info, since: Timestamp(milliseconds: 0), at: Timestamp(milliseconds: 0),
                value: nil, unit: nil, sentence: ""))
    }

    private func reports(_ lane: Lane, _ count: Int) async -> [Lane.Report] {
        var reports: [Lane.Report] = []
        for _ in 0..<3000 where reports.count < count {
            reports += lane.takeReports()
            try? await Task.sleep(for: .milliseconds(10))
        }
        return reports
    }

    @Test("cancels what takes too long, and counts as told what was told nevertheless", arguments: [false, true])
    func timeLimit(isStubborn: Bool) async {
        let lane = Lane(Sleeper(timeLimit: .milliseconds(5), isStubborn: isStubborn))
        lane.take((1...5).map(parcel))
        let reports = await reports(lane, 5)
        #expect(Set(reports.map(\.parcel.id)) == Set(1...5))
        #expect(
            reports.allSatisfy {
                $0.delivery == (isStubborn ? .delivered : .failed(reason: "no answer within 0.005 seconds"))
            }, "\(reports.map(\.delivery))")
        #expect(lane.unreported == 0)
    }

    @Test("with one worker keeps the order in which parcels came, over several hands full")
    func order() async {
        let written = Mutex<[Int64]>([])
        await withCheckedContinuation { (done: CheckedContinuation<Void, Never>) in
            let lane = Lane(
                LogChannel { notice in
                    let isLast = written.withLock { numbers in
                        numbers.append(notice.alertID)
                        return numbers.count == 100
                    }
                    if isLast { done.resume() }
                })
            for first in stride(from: Int64(1), through: 100, by: 10) { lane.take((first..<first + 10).map(parcel)) }
        }
        #expect(written.withLock { $0 } == Array(1...100))
    }

    @Test("once stopped begins nothing more")
    func stopped() async {
        let lane = Lane(Sleeper(timeLimit: .milliseconds(50), isStubborn: false))
        lane.take((1...5).map(parcel))
        lane.stop()
        lane.take([parcel(6)])
        let reports = await reports(lane, 2)
        #expect(Set(reports.map(\.parcel.id)).isSubset(of: [1, 2]))
        #expect(lane.unreported == 0)
    }
}
