import Basics
import ConfigurationFiles
import Contract
import Decoding
import Pipeline
import Store
import Telemetry
import Windows

// What the turn tells of its windows and of the room that it has.
extension IngestLoop {
    func statistics(_ request: StatisticsRequest, at moment: Moment) throws(Refusal) -> [StatisticsAnswer] {
        try request.check(windows: pipeline.windows.plan.lengths(asked: request.quantity))
        let pattern = request.device.map { NamePattern($0) }
        var answers: [StatisticsAnswer] = []
        for (index, series) in journal.registry.series.enumerated() {
            if let quantity = request.quantity, series.quantity.name != quantity { continue }
            let name = journal.registry.devices[series.device.index].name
            if let pattern, !pattern.matches(name) { continue }
            for summary in pipeline.summaries(of: SeriesID(rawValue: UInt32(index)), series.device, at: moment) {
                if let window = request.window, summary.window != window { continue }
                answers.append(
                    StatisticsAnswer(
                        summary, registry: journal.registry, clockSkew: pipeline.clocks.skew(of: series.device)))
                if answers.count == request.rowsMax { return answers }
            }
        }
        return answers
    }

    /// How far the memory reaches, and what found no room.
    func room(at moment: Moment) -> LiveStatusAnswer.Room {
        let (registry, refused) = (journal.registry, decoder.refusedNames)
        return LiveStatusAnswer.Room(
            memoryBytes: configuration.memory.memory.bytes, memorySource: configuration.memory.memory.source,
            devicesMax: registry.limits.devicesMax, devices: registry.deviceCount,
            seriesMax: registry.limits.seriesMax, series: registry.seriesCount,
            windowedSeries: pipeline.windows.openCount, unwindowedSeries: pipeline.windows.refusedCount,
            refusedNames: refused.count, refusedAt: refused.lastAt,
            refusedSecondsAgo: refused.lastAt.map { max(0, (moment.wall - $0).inSeconds) },
            refusedTopics: Dictionary(
                refused.topics.sorted { $0.count > $1.count }.prefix(5).map { ($0.topic, $0.count) },
                uniquingKeysWith: +))
    }
}
