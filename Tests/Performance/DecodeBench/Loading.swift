import Basics
import ConfigurationFiles
import Decoding
import Measuring
import Profiles
import Settings
import Telemetry

/// How long a large city's files take to load.
enum Loading {
    static func measure(_ sources: [ProfileSource], _ table: inout FigureTable) throws {
        // The profiles at hand, over and over under other names and topics.
        var many: [ProfileSource] = []
        var number = 0
        while many.count < 2000 {
            for source in sources where many.count < 2000 {
                number += 1
                many.append(ProfileSource(path: source.path, text: renamed(source.text, number)))
            }
        }
        var roster = "device,profile,area,circuit,latitude,longitude,cadence\n"
        for device in 0..<100_000 {
            roster += "lamp-\(device),streetlight-controller,Lixia,F\(device / 50),36.6\(device % 1000),117.1,10m\n"
        }
        let begin = Clocks.wall
        let catalog = try DeviceCatalog.compile(many)
        let middle = Clocks.wall
        let entries = try RosterFile.parse(csv: roster, file: "roster.csv")
        let end = Clocks.wall
        precondition(catalog.profileNames.count == 2000 && entries.count == 100_000, "decode-bench: not all loaded")
        table.add(
            "loading 2,000 profiles and 100,000 lines of a roster", end - begin, "s", .atMost(2),
            "profiles \(fixed(middle - begin, 2)) s, roster \(fixed(end - middle, 2)) s")
    }

    private static func renamed(_ text: String, _ number: Int) -> String {
        text.split(separator: "\n", omittingEmptySubsequences: false).map { line in
            if line.hasPrefix("profile:") { return "profile: p\(number)" }
            guard let key = line.firstRange(of: "topic:") else { return String(line) }
            // A level of its own, whether the topic stands in quotes or not.
            let rest = line[key.upperBound...].drop { $0 == " " }
            if rest.first == "\"" { return line[..<key.upperBound] + " \"v\(number)/" + rest.dropFirst() }
            return line[..<key.upperBound] + " v\(number)/" + rest
        }.joined(separator: "\n")
    }
}
