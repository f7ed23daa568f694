import Basics
public import Contract
import Telemetry

// A name that nothing has is a slip, and an empty answer would say that all is well there. What exists and has nothing to
// tell has an empty answer.
extension Archive {
    /// Throws for a device, a pattern or a quantity that a question about statistics names and nothing has.
    public func check(_ request: StatisticsRequest) throws(StoreError) {
        try withSnapshot { connection throws(StoreError) in
            let filter = DeviceFilter(device: request.device, quantity: request.quantity)
            try known(filter, connection)
            try known(filter, among: try devicesThatFit(filter, connection))
        }
    }

    /// Throws `.noSuchDevice` for a name that no device has, and for a pattern that fits none.
    func known(device: String?) throws(StoreError) {
        guard let device else { return }
        let pattern = NamePattern(device)
        if pattern.literal != nil {
            if registry.device(named: device) == nil { throw noSuchDevice(device) }
        } else if !registry.devices.contains(where: { pattern.matches($0.name) }) {
            throw .noSuchDevice(name: device, nearest: nearestPattern(to: device))
        }
    }

    func noSuchDevice(_ name: String) -> StoreError {
        .noSuchDevice(name: name, nearest: nearest(to: name, in: registry.devices.lazy.map(\.name)))
    }

    /// The beginning that devices with numbers share, with a star behind it, where that is near; else a name.
    private func nearestPattern(to pattern: String) -> String? {
        var shared: Set<ByteName> = []
        for device in registry.devices {
            let stem = device.name.utf8.reversed().drop { (0x30...0x39).contains($0) }
            let word = stem.drop { [UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: ".")].contains($0) }
            guard stem.count < device.name.utf8.count, !word.isEmpty else { continue }
            for part in [stem, word] { shared.insert(ByteName(String(decoding: part.reversed(), as: UTF8.self) + "*")) }
        }
        return nearest(to: pattern, in: shared.sorted().map(\.text))
            ?? nearest(to: pattern, in: registry.devices.lazy.map(\.name))
    }

    /// Throws `.noSuchDevice`, `.noSuchArea` or `.noSuchProfile`.
    func known(_ filter: DeviceFilter, _ connection: Connection) throws(StoreError) {
        try known(device: filter.device)
        if let area = filter.area, try !connection.hasName(area, "area") {
            throw .noSuchArea(name: area, nearest: nearest(to: area, in: try connection.names("area")))
        }
        if let profile = filter.profile, try !connection.hasName(profile, "profile") {
            throw .noSuchProfile(name: profile, nearest: nearest(to: profile, in: try connection.names("profile")))
        }
    }

    func known(circuit: String?, _ connection: Connection) throws(StoreError) {
        guard let circuit, try !connection.hasName(circuit, "circuit") else { return }
        throw .noSuchCircuit(name: circuit, nearest: nearest(to: circuit, in: try connection.names("circuit")))
    }

    /// Throws `.noSuchQuantity` or `.noSuchChannel` where the devices have series, and none like this. Devices that never
    /// sent anything may yet send it.
    func known(
        _ filter: DeviceFilter, channel: String? = nil, among devices: [DeviceIndex]
    ) throws(StoreError) {
        // The channel without a name is the device as a whole, which is there whatever it has sent.
        let channel = channel.flatMap { $0.isEmpty ? nil : $0 }
        guard filter.quantity != nil || channel != nil else { return }
        var (hasSeries, hasQuantity) = (false, filter.quantity == nil)
        for device in devices {
            for series in registry.series(of: device) {
                hasSeries = true
                guard filter.quantity.map({ $0 == registry.series[series.index].quantity.name }) ?? true else {
                    continue
                }
                hasQuantity = true
                guard let channel else { return }
                if let name = registry.channelName(of: series), name.hasBytes(of: channel) { return }
            }
        }
        guard hasSeries else { return }
        let of = devices.count == 1 ? registry.devices[devices[0].index].name : nil
        let all = devices.flatMap { registry.series(of: $0) }
        guard hasQuantity, let channel else {
            let known = Set(all.map { registry.series[$0.index].quantity.name })
            throw .noSuchQuantity(name: filter.quantity ?? "", of: of, known: known.sorted())
        }
        let known = Set(all.compactMap { registry.channelName(of: $0).map { ByteName($0) } })
        throw .noSuchChannel(
            name: channel, of: of, nearest: nearest(to: channel, in: known.map(\.text)),
            known: known.sorted().map(\.text))
    }

    /// Throws `.noSuchArea` or `.noSuchCircuit` for a place that neither the roster has nor had when an incident began.
    func known(
        area: String?, circuit: String?, inIncidentsOf incidents: String, _ connection: Connection
    ) throws(StoreError) {
        /// nil where something has it; else the nearest that something has.
        func missing(_ name: String?, _ column: String) throws(StoreError) -> (name: String, nearest: String?)? {
            guard let name, try !connection.hasName(name, column) else { return nil }
            var known: Set<ByteName> = []
            try connection.rows(
                "\(incidents) SELECT \(column) AS name FROM device UNION SELECT \(column) FROM incident"
            ) { row throws(StoreError) in
                known.insert(ByteName(row.text("name")))
            }
            known.remove(ByteName(""))
            guard !known.contains(ByteName(name)) else { return nil }
            return (name, nearest(to: name, in: known.sorted().map(\.text)))
        }
        if let area = try missing(area, "area") { throw .noSuchArea(name: area.name, nearest: area.nearest) }
        if let circuit = try missing(circuit, "circuit") {
            throw .noSuchCircuit(name: circuit.name, nearest: circuit.nearest)
        }
    }

    /// Throws `.noSuchRule` for a rule that is neither in force nor has an alert.
    func known(rule: String?, _ connection: Connection) throws(StoreError) {
        guard let rule else { return }
        let stored = try connection.names("rule", of: "alert")
        let known = try connection.rulesInForce().keys.sorted().map(\.text) + stored
        guard !known.contains(where: { $0.hasBytes(of: rule) }) else { return }
        throw .noSuchRule(name: rule, nearest: nearest(to: rule, in: known))
    }
}

extension Connection {
    fileprivate func hasName(_ name: String, _ column: String) throws(StoreError) -> Bool {
        try integer("SELECT 1 FROM device WHERE \(column) = ? AND \(column) <> '' LIMIT 1", .text(name)) != nil
    }

    fileprivate func names(_ column: String, of table: String = "device") throws(StoreError) -> [String] {
        var names: [String] = []
        try rows("SELECT DISTINCT \(column) AS name FROM \(table) WHERE \(column) <> '' ORDER BY 1") {
            row throws(StoreError) in
            names.append(row.text("name"))
        }
        return names
    }
}
