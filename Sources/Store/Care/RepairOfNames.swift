import Basics
import Frames
import Telemetry

// Names that do not read, found elsewhere or given stand-ins, so that no reading goes with them.
extension StoreRepairer {
    /// `hasLostSome`: rows of the catalogue did not read; `isEmpty`: of all of core.db there is nothing.
    func mendNames(
        _ strict: FileReader, _ tolerant: FileReader, into core: Connection, hasLostSome: Bool, isEmpty: Bool
    ) throws(StoreError) {
        var catalogue = CatalogueRepair(folder, core)
        if hasLostSome { try takeLeaves(into: core) }
        try catalogue.recall(from: strict)
        try catalogue.fill(waiting: isEmpty ? TurnReferences() : try references(of: tolerant, core))
        report.done += catalogue.done
        if !catalogue.standIns.isEmpty {
            let list = catalogue.standIns.prefix(10).joined(separator: ", ")
            try giveUp(
                "core.db", first: nil, last: nil, rows: Int64(catalogue.standIns.count),
                "the names of \(catalogue.standIns.count) devices and series do not read; stand-ins have their readings: "
                    + list + (catalogue.standIns.count > 10 ? ", …" : "")
            ).write(core)
        }
        for (table, rows) in try StoryFaults.remove(core) {
            lostStory = .rebuilt
            try giveUp(
                "core.db", first: nil, last: nil, rows: rows,
                "\(rows) rows of table \(table) had words or numbers that are none"
            ).write(core)
        }
    }

    /// What the rows that wait in the journal are about.
    private func references(of old: FileReader, _ core: Connection) throws(StoreError) -> TurnReferences {
        var references = TurnReferences()
        let first = try Meta.sealedThrough.read(core) + 1
        for order in ["", " DESC"] {
            do throws(StoreError) {
                try old.read { connection throws(StoreError) in
                    try connection.rows(
                        "SELECT id, crc, b FROM journal WHERE id >= ? ORDER BY id\(order)", .integer(first)
                    ) { row throws(StoreError) in
                        let (id, crc) = (row.integer("id"), row.integer("crc"))
                        row.withBlob("b") { bytes in
                            guard CRC32C.check(key: id, bytes) == crc else { return }
                            // Of what does not read the rest tells nothing.
                            do throws(Malformed) { try references.take(bytes) } catch {}
                        }
                    }
                }
                break
            } catch {
                guard error.isDamage(of: folder.core) else { throw error }
            }
        }
        return references
    }

    /// Takes rows of the catalogue that nothing leads to any more from the pages they are on.
    private func takeLeaves(into core: Connection) throws(StoreError) {
        guard let file = PageFile(folder.core), file.isChecked else { return }
        var isRight: [Int64: Bool] = [:]
        let quantities = Set(Quantity.all.map(\.name))
        var taken = (devices: 0, streams: 0, series: 0)
        try TableLeaves(file: file).forEach { (row) throws(StoreError) in
            guard (0...CatalogueRepair.idMax).contains(row.key), row.values.count > 1, case .null = row.values[0] else {
                return
            }
            if isRight[row.page] == nil {
                isRight[row.page] = file.page(row.page).map { file.isRight($0, row.page) } ?? false
            }
            guard isRight[row.page] == true else { return }
            switch row.values.dropFirst() {
            case let values where values.count == 5:
                guard case .integer(let device) = values[1], case .text(let quantity) = values[2],
                    case .text(let channel) = values[3], case .integer(let stream) = values[4],
                    case .integer(let column) = values[5], quantities.contains(quantity)
                else { return }
                try core.run(
                    "INSERT OR IGNORE INTO series VALUES (?, ?, ?, ?, ?, ?)", .integer(row.key), .integer(device),
                    .text(quantity), .text(channel), .integer(stream), .integer(column))
                taken.series += core.changes
            case let values where (12...15).contains(values.count):
                guard case .text(let name) = values[1], case .text(let profile) = values[2],
                    case .text(let area) = values[3],
                    case .text(let circuit) = values[4]
                else { return }
                switch values[7] {
                case .integer, .null: break
                case .real, .text, .blob: return
                }
                try core.run(
                    "INSERT OR IGNORE INTO device(id, name, profile, area, circuit) VALUES (?, ?, ?, ?, ?)",
                    .integer(row.key), .text(name), .text(profile), .text(area), .text(circuit))
                taken.devices += core.changes
            default: return
            }
        }
        // A stream is no more than its device, which its series tell.
        try core.run("INSERT OR IGNORE INTO stream SELECT DISTINCT stream, device FROM series WHERE stream >= 0")
        taken.streams = core.changes
        guard taken.devices + taken.streams + taken.series > 0 else { return }
        report.done.append(
            "the catalogue's rows that no page led to were found: \(taken.devices) devices, \(taken.streams) streams, "
                + "\(taken.series) series")
    }
}
