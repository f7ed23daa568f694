import Testing

@testable import Store

@Suite("Statements")
struct StatementTests {
    private let folder = TemporaryFolder()

    private func makeConnection() throws -> Connection {
        let connection = try Connection(folder.path + "/one.db", .writer(pageBytes: 4096), effects: nil)
        try connection.run("CREATE TABLE lamp(id INTEGER PRIMARY KEY, area TEXT, height REAL, key BLOB)")
        try connection.run("INSERT INTO lamp VALUES (7, 'quay', 4.5, x'0102'), (8, NULL, NULL, NULL)")
        return connection
    }

    @Test("columns are read by their names, in whatever order the statement has them")
    func names() throws {
        let connection = try makeConnection()
        for sql in ["SELECT id, area, height, key FROM lamp", "SELECT key, height, l.area, l.id FROM lamp l"] {
            var ids: [Int64] = []
            try connection.rows(sql + " ORDER BY id") { row throws(StoreError) in
                ids.append(row.integer("id"))
                let isFirst = ids.count == 1
                #expect(row.text("area") == (isFirst ? "quay" : ""))
                #expect(row.optionalText("area") == (isFirst ? "quay" : nil))
                #expect(row.optionalReal("height") == (isFirst ? 4.5 : nil))
                #expect(row.isNull("key") == !isFirst)
                #expect(row.withBlob("key") { Array($0) } == (isFirst ? [1, 2] : []))
            }
            #expect(ids == [7, 8])
        }
        try connection.rows("SELECT count(*) AS n, max(height) AS highest FROM lamp") { row throws(StoreError) in
            #expect(row.integer("n") == 2)
            #expect(row.real("highest") == 4.5)
        }
    }

    @Test("a column that no statement has ends the process")
    func misspelt() async {
        await #expect(processExitsWith: .failure) {
            let connection = try StatementTests().makeConnection()
            try connection.rows("SELECT id, area FROM lamp") { row throws(StoreError) in _ = row.text("aera") }
        }
    }

    @Test("a name that two columns have ends the process")
    func ambiguous() async {
        await #expect(processExitsWith: .failure) {
            let connection = try StatementTests().makeConnection()
            try connection.rows("SELECT a.id, b.id FROM lamp a JOIN lamp b") { row throws(StoreError) in
                _ = row.integer("id")
            }
        }
    }
}
