import Store
import Telemetry
import Testing

@testable import Gateway

@Suite("Troubles of the store")
struct StoreTroublesTests {
    @Test("one is told once, two that take turns once a minute each, and all anew once it was over")
    func told() {
        var troubles = StoreTroubles()
        let (full, broken) = (
            StoreError.diskFull(file: "core.db", detail: "0 MB"), StoreError.corrupt(file: "core.db", detail: "page 3")
        )
        func at(_ second: Int) -> SteadyTime { SteadyTime(milliseconds: Int64(second) * 1000) }
        var lines: [Int] = []
        for second in 0..<300 where troubles.note(full, at: at(second)) { lines.append(second) }
        #expect(lines == [0] && troubles.current == full)
        lines = []
        for second in 300..<420 {
            for error in [broken, full] where troubles.note(error, at: at(second)) { lines.append(second) }
        }
        #expect(lines == [300, 300, 360, 360])
        let (ended, again) = (troubles.end(), troubles.end())
        #expect(ended && !again && troubles.current == nil)
        let isTold = troubles.note(full, at: at(421))
        #expect(isTold)
    }
}
