package import Basics
package import Telemetry

/// What messages can become by a catalogue: which quantities, and of which channels.
package struct CatalogOffer: Sendable {
    /// The channels of one quantity.
    package struct Channels: Sendable {
        /// Those that the profiles name; the empty one is the device as a whole.
        package fileprivate(set) var names: Set<ByteName> = []
        /// The messages name others.
        package fileprivate(set) var isOpen = false

        package func has(_ name: String) -> Bool { isOpen || names.contains(ByteName(name)) }
    }

    /// By quantity.
    package private(set) var channels: [Quantity: Channels] = [:]

    /// Of the profiles of these names; of none, of all.
    package init(_ catalog: DeviceCatalog, profiles: [String] = []) {
        let tables = catalog.plan.tables
        for position in 0..<UInt32(tables.rules.count) {
            let rule = tables.rules[position]
            let name = catalog.profileNames[Int(rule.profile)]
            guard profiles.isEmpty || profiles.contains(where: { $0.hasBytes(of: name) }) else { continue }
            var runs = [rule.readings]
            if rule.table >= 0 {
                runs += tables.tables[UInt32(rule.table)].rows.range.map { tables.tableRows[$0].readings }
            }
            for reading in runs.flatMap(\.range).map({ tables.readings[$0] }) {
                let naming = reading.channel >= 0 ? reading.channel : rule.channel
                add(naming, tables, to: reading.quantity)
            }
        }
    }

    private mutating func add(_ naming: Int32, _ tables: PlanTables, to quantity: Quantity) {
        guard naming >= 0 else {
            channels[quantity, default: Channels()].names.insert("")
            return
        }
        let naming = tables.namings[UInt32(naming)]
        var templates = naming.cases.range.map { tables.namingCases[$0].template }
        if naming.template >= 0 { templates.append(UInt32(naming.template)) }
        for template in templates.map({ tables.templates[$0] }) {
            guard template.isStatic else {
                channels[quantity, default: Channels()].isOpen = true
                continue
            }
            let bytes = template.parts.range.map { tables.templateParts[$0].word }.flatMap { word in
                (word.start..<word.start + word.count).map { tables.bytes[$0] }
            }
            channels[quantity, default: Channels()].names.insert(ByteName(String(decoding: bytes, as: UTF8.self)))
        }
    }
}
