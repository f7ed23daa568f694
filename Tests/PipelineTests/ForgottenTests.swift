import Basics
import Pipeline
import Telemetry
import Testing

@Suite("Orders to forget in the state")
struct ForgottenTests {
    @Test("watchers begin the series and devices anew, and the order is through with the next state")
    func watchers() throws {
        let scene = try CityScene(devices: 40, cadence: 60, faultsPerHour: 20)
        scene.run(until: CityScene.start + .seconds(3600))
        let state = scene.pipeline.state()
        let before = try #require(StateBlocks(bytes: state))
        let (begin, end) = (CityScene.start, CityScene.start + .seconds(3600))
        func forgotten(_ series: Set<SeriesID>) throws -> (Pipeline, StateBlocks) {
            let tool = Pipeline()
            tool.setRoster(scene.roster, registry: scene.registry)
            #expect(tool.restore(state, registry: scene.registry) == [])
            tool.forget(Forgotten(series: series, span: begin..<end, at: end), registry: scene.registry)
            // Another tool in between, such as an import, carries it along.
            let other = Pipeline()
            other.setRoster(scene.roster, registry: scene.registry)
            #expect(other.restore(tool.state(), registry: scene.registry) == [])
            let pipeline = scene.freshPipeline()
            #expect(pipeline.restore(other.state(), registry: scene.registry) == [])
            return (pipeline, try #require(StateBlocks(bytes: pipeline.state())))
        }
        let (none, same) = try forgotten([])
        #expect(none.ordersToForget.count == 1)
        #expect(same == before)
        let all = Set((0..<scene.registry.seriesCount).map { SeriesID(rawValue: UInt32($0)) })
        let (pipeline, after) = try forgotten(all)
        #expect(pipeline.ordersToForget.map(\.series) == [all])
        for name in ["detectors", "lamps", "clocks"] { #expect(after[name] != before[name], "\(name)") }
        #expect(after["forgotten"] == nil)
        // Nothing is left of what they had learnt: a second order changes nothing more.
        let again = scene.freshPipeline()
        #expect(again.restore(after.bytes, registry: scene.registry) == [])
        #expect(again.ordersToForget == [])
        #expect(pipeline.judgeForgotten(registry: scene.registry, at: Moment(end)) == [])
        #expect(pipeline.ordersToForget == [])
    }

    @Test("the block is what it was, and other bytes are none")
    func bytes() {
        let orders = [
            Forgotten(
                series: [SeriesID(rawValue: 3), SeriesID(rawValue: 1)],
                span: Timestamp(milliseconds: 5)..<Timestamp(milliseconds: 9), at: Timestamp(milliseconds: 7)),
            Forgotten(
                series: [], span: Timestamp(milliseconds: 0)..<Timestamp(milliseconds: 0),
                at: Timestamp(milliseconds: -1)),
        ]
        let state = Forgotten.state(of: orders)
        #expect(Forgotten.orders(state: state) == orders)
        for count in 0..<state.count { #expect(Forgotten.orders(state: Array(state[..<count])) == nil) }
        #expect(Forgotten.orders(state: state + [0]) == nil)
    }
}
