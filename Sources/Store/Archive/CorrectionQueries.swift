import Basics
public import Contract
import Telemetry

extension Archive {
    /// The newest corrections: what stood there, and who wrote over it. Throws `.noSuchDevice`.
    public func corrections(_ request: CorrectionsRequest) throws(StoreError) -> CorrectionsAnswer {
        try withSnapshot { connection throws(StoreError) in
            try known(device: request.device)
            let pattern = request.device.map { NamePattern($0) }
            // A store that no gateway of this version had open keeps none.
            guard try Schema.version(of: connection) >= 9 else { return CorrectionsAnswer(corrections: []) }
            let wanted = pattern.map { pattern in
                registry.series.indices.filter {
                    pattern.matches(registry.devices[registry.series[$0].device.index].name)
                }.description
            }
            var found: [CorrectionsAnswer.Entry] = []
            try connection.rows(
                """
                SELECT id, at, series, observed, was, became, person FROM correction
                WHERE (?1 IS NULL OR series IN (SELECT value FROM json_each(?1)))
                    AND (?2 IS NULL OR at >= ?2) AND (NOT ?3 OR person IS NOT NULL) AND (?4 IS NULL OR id < ?4)
                ORDER BY id DESC LIMIT ?5
                """, .optional(wanted), .optional(request.since?.milliseconds),
                .integer(request.isByPeople ? 1 : 0), .optional(request.before), .integer(Int64(request.limit) + 1)
            ) { row throws(StoreError) in
                let place = row.integer("series")
                guard place >= 0, place < registry.seriesCount else { return }
                let series = registry.series[Int(place)]
                found.append(
                    CorrectionsAnswer.Entry(
                        id: row.integer("id"), at: Timestamp(milliseconds: row.integer("at")),
                        device: registry.devices[series.device.index].name, quantity: series.quantity.name,
                        channel: registry.channelName(of: SeriesID(rawValue: UInt32(place))),
                        observed: Timestamp(milliseconds: row.integer("observed")), was: row.real("was"),
                        became: row.real("became"), unit: series.quantity.unit, by: row.optionalText("person")))
            }
            let hasMore = found.count > request.limit
            if hasMore { found.removeLast() }
            return CorrectionsAnswer(
                corrections: found, next: hasMore ? found.last?.id : nil,
                madeInAll: try Counters(connection).corrected,
                keptInAll: try connection.integer("SELECT count(*) FROM correction") ?? 0)
        }
    }
}
