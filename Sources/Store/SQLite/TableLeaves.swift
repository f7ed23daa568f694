/// The rows in the leaves of a database's tables, page after page, whatever leads to them or no longer does.
///
/// Nothing tells of which table a row is but its shape, nor whether it is right but a check value of its own. Pages that
/// the file lists as free are left out: what they have was replaced.
///
/// Source: sqlite.org, "Database File Format", 1.6 and 2.1.
struct TableLeaves {
    struct Row {
        var page: Int64
        /// The rowid, which a column that is an INTEGER PRIMARY KEY stands for: that column is NULL in `values`.
        var key: Int64
        var values: [SQLValue]
    }

    private static let leaf: UInt8 = 13
    private static let columnsMax = 16
    /// No row of ours comes near it; a length beyond it is damage.
    private static let payloadMax: UInt64 = 64 << 20

    let file: PageFile

    /// Calls `body` with each row that can be taken apart, in the order of the pages.
    func forEach(_ body: (Row) throws(StoreError) -> Void) throws(StoreError) {
        let free = file.freePages()
        for number in stride(from: Int64(1), through: file.pageCount, by: 1) where !free.contains(number) {
            guard let page = file.page(number) else { continue }
            // The header of the file stands before that of the first page.
            let head = number == 1 ? 100 : 0
            guard page[head] == Self.leaf else { continue }
            let cells = Int(page[head + 3]) << 8 | Int(page[head + 4])
            let pointers = head + 8
            guard pointers + 2 * cells <= file.usable else { continue }
            for cell in 0..<cells {
                let offset = Int(page[pointers + 2 * cell]) << 8 | Int(page[pointers + 2 * cell + 1])
                guard offset >= pointers + 2 * cells, offset < file.usable,
                    let (key, payload) = payload(page, offset), let values = Self.values(payload)
                else { continue }
                try body(Row(page: number, key: key, values: values))
            }
        }
    }

    private func payload(_ page: [UInt8], _ offset: Int) -> (key: Int64, bytes: [UInt8])? {
        var place = offset
        guard let length = Self.varint(page, &place, file.usable), length > 0, length <= Self.payloadMax,
            let key = Self.varint(page, &place, file.usable)
        else { return nil }
        let total = Int(length)
        let usable = file.usable
        var local = total
        if total > usable - 35 {
            let least = (usable - 12) * 32 / 255 - 23
            let fitting = least + (total - least) % (usable - 4)
            local = fitting <= usable - 35 ? fitting : least
        }
        guard place + local <= usable else { return nil }
        var bytes = Array(page[place..<place + local])
        guard total > local else { return (Int64(bitPattern: key), bytes) }
        guard place + local + 4 <= usable else { return nil }
        var next = Int64(page.number(place + local))
        while bytes.count < total {
            guard next > 1, let more = file.page(next) else { return nil }
            bytes.append(contentsOf: more[4..<4 + min(usable - 4, total - bytes.count)])
            next = Int64(more.number(0))
        }
        return (Int64(bitPattern: key), bytes)
    }

    /// The columns of a record; nil where its lengths do not come to its own.
    private static func values(_ record: [UInt8]) -> [SQLValue]? {
        var place = 0
        guard let head = varint(record, &place, record.count), head <= UInt64(record.count) else { return nil }
        var body = Int(head)
        var values: [SQLValue] = []
        while place < Int(head) {
            guard values.count < columnsMax, let type = varint(record, &place, Int(head)) else { return nil }
            let length: Int
            switch type {
            case 0, 8, 9: length = 0
            case 1...4: length = Int(type)
            case 5: length = 6
            case 6, 7: length = 8
            case 12...(2 * payloadMax + 13): length = Int((type - 12) / 2)
            default: return nil
            }
            guard length <= record.count - body else { return nil }
            let bytes = record[body..<body + length]
            body += length
            switch type {
            case 0: values.append(.null)
            case 8, 9: values.append(.integer(Int64(type) - 8))
            case 1...6:
                let isNegative = bytes.first.map { $0 >= 0x80 } ?? false
                values.append(
                    .integer(Int64(bitPattern: bytes.reduce(isNegative ? .max : 0) { $0 << 8 | UInt64($1) })))
            case 7: values.append(.real(Double(bitPattern: bytes.reduce(0) { $0 << 8 | UInt64($1) })))
            case _ where type % 2 == 0: values.append(.blob(Array(bytes)))
            default: values.append(.text(String(decoding: bytes, as: UTF8.self)))
            }
        }
        return body == record.count ? values : nil
    }

    /// SQLite's own varint: the highest bits first, the ninth byte whole.
    static func varint(_ bytes: [UInt8], _ place: inout Int, _ end: Int) -> UInt64? {
        var number: UInt64 = 0
        for index in 0..<9 {
            guard place < end else { return nil }
            let byte = bytes[place]
            place += 1
            if index == 8 { return number << 8 | UInt64(byte) }
            number = number << 7 | UInt64(byte & 0x7F)
            if byte < 0x80 { return number }
        }
        return nil
    }
}
