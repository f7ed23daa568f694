public import Basics

/// Readings that somebody took out of the store because they should never have been there: what was learnt of them is to begin
/// anew.
///
/// It waits in the stored state, from before the readings go, until a gateway starts: a crash between loses no more than what
/// was learnt.
public struct Forgotten: Hashable, Sendable {
    /// Series that had some.
    public var series: Set<SeriesID>
    /// Observed times that were taken out; the last is not included.
    public var span: Range<Timestamp>
    /// When the order was given.
    public var at: Timestamp

    package init(series: Set<SeriesID>, span: Range<Timestamp>, at: Timestamp) {
        self.series = series
        self.span = span
        self.at = at
    }

    /// The devices of the series.
    public func devices(_ registry: SeriesRegistry) -> Set<DeviceIndex> {
        Set(series.lazy.filter { $0.index < registry.seriesCount }.map { registry.series[$0.index].device })
    }

    // MARK: State to bytes and back

    /// Version 1: the orders in the order in which they were given.
    public static func state(of orders: [Forgotten]) -> [UInt8] {
        var writer = StateWriter()
        writer.append(UInt32(1))
        writer.append(UInt32(orders.count))
        for order in orders {
            for time in [order.at, order.span.lowerBound, order.span.upperBound] { writer.append(time.milliseconds) }
            writer.append(UInt32(order.series.count))
            for series in order.series.sorted() { writer.append(series.rawValue) }
        }
        return writer.bytes
    }

    /// nil for any other bytes.
    public static func orders(state: [UInt8]) -> [Forgotten]? {
        var reader = StateReader(state)
        guard reader.next(UInt32.self) == 1, let count = reader.next(UInt32.self) else { return nil }
        var orders: [Forgotten] = []
        for _ in 0..<count {
            guard let at = reader.next(Int64.self), let since = reader.next(Int64.self),
                let until = reader.next(Int64.self), since <= until, let seriesCount = reader.next(UInt32.self)
            else { return nil }
            var series: Set<SeriesID> = []
            for _ in 0..<seriesCount {
                guard let number = reader.next(UInt32.self) else { return nil }
                series.insert(SeriesID(rawValue: number))
            }
            orders.append(
                Forgotten(
                    series: series, span: Timestamp(milliseconds: since)..<Timestamp(milliseconds: until),
                    at: Timestamp(milliseconds: at)))
        }
        return reader.isAtEnd ? orders : nil
    }
}
