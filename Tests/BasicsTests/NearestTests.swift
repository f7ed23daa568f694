import Basics
import Testing

@Suite("The nearest name")
struct NearestTests {
    @Test("zeros before a number are no distance, and a name that differs in more is none")
    func zeros() {
        let lamps = ["lamp-0002", "lamp-0010", "lamp-0001"]
        #expect(nearest(to: "lamp-1", in: lamps) == "lamp-0001")
        #expect(nearest(to: "lamp-10", in: lamps) == "lamp-0010")
        #expect(nearest(to: "lamp-00001", in: lamps) == "lamp-0001")
        #expect(nearest(to: "lamp-3", in: lamps) == nil)
        #expect(nearest(to: "a-0-b", in: ["a-00-b"]) == "a-00-b")
    }
}
