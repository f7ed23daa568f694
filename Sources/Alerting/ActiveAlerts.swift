import OrderedCollections
public import Telemetry

/// Alerts by their key, in no order. A dictionary doubles, and just beyond that has 320 bytes for an alert; this one grows by a
/// quarter.
public struct ActiveAlerts: Sendable, Sequence {
    private var alerts: OrderedDictionary<AlertKey, AlertBook.Active> = [:]
    /// There is room for so many.
    private var room = 0

    init() {}

    /// How many there are.
    public var count: Int { alerts.count }
    /// Whether there is none.
    public var isEmpty: Bool { alerts.isEmpty }
    /// In the order of `values`.
    public var keys: some RandomAccessCollection<AlertKey> { alerts.keys }
    /// In the order of `keys`.
    public var values: some RandomAccessCollection<AlertBook.Active> { alerts.values }

    /// nil: there is none.
    public subscript(key: AlertKey) -> AlertBook.Active? { alerts[key] }

    /// In no order that means anything.
    public func makeIterator() -> some IteratorProtocol<(key: AlertKey, value: AlertBook.Active)> {
        alerts.makeIterator()
    }

    /// nil: there is none any more. Returns what was there.
    @discardableResult
    mutating func set(_ key: AlertKey, _ alert: AlertBook.Active?) -> AlertBook.Active? {
        guard let place = alerts.index(forKey: key) else {
            guard let alert else { return nil }
            if alerts.count == room {
                room = Swift.max(16, room + room / 4)
                alerts.reserveCapacity(room)
            }
            alerts[key] = alert
            return nil
        }
        let before = alerts.values[place]
        if let alert {
            alerts.values[place] = alert
        } else {
            alerts.swapAt(place, alerts.count - 1)
            alerts.removeLast()
        }
        return before
    }

    /// Of one that is there.
    mutating func change(_ key: AlertKey, _ body: (inout AlertBook.Active) -> Void) {
        guard let place = alerts.index(forKey: key) else { return }
        body(&alerts.values[place])
    }
}

extension ActiveAlerts: Equatable {
    /// Whether both have the same alerts, in whatever order.
    public static func == (left: ActiveAlerts, right: ActiveAlerts) -> Bool {
        left.count == right.count && left.allSatisfy { right[$0.key] == $0.value }
    }
}
