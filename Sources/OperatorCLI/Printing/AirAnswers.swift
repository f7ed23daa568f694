import Basics
import City
import Telemetry

/// An index of the air as programs get it.
struct AirAnswer: Encodable {
    /// When the hour or the day begins; of a single calculation, the time that chose the standard.
    let time: Timestamp
    var station: String?
    var area: String?
    let standard: AirStandard
    let version: String
    let report: AirReport
    /// nil where `reason` says why, and for the WHO, which has levels and no index.
    let index: Int?
    /// 1, the best, to 6.
    let level: Int?
    let category: String?
    /// As the standard writes it.
    let localCategory: String?
    let colour: String?
    let primary: [String]
    let missing: [String]
    let reason: String?
    /// The greatest of the pollutants' shares of the guideline levels of the WHO.
    let timesGuideline: Double?
    let subIndices: [SubIndex]

    struct SubIndex: Encodable {
        let pollutant: AirPollutant
        let averaging: AirAveraging
        /// As the table was asked: in its unit, and rounded as the standard rounds.
        let concentration: Double
        let unit: AirUnit
        let index: Int?
        let category: String?
        let reason: String?
        /// True above the last row of the table.
        let beyondTable: Bool?
        let timesGuideline: Double?

        init(_ sub: AirSubIndex) {
            pollutant = sub.indicator.pollutant
            averaging = sub.indicator.averaging
            concentration = sub.concentration.value.double
            unit = sub.concentration.unit
            index = sub.index
            category = sub.category?.name
            reason = sub.undefined?.description
            beyondTable = sub.isBeyondTable ? true : nil
            timesGuideline = sub.timesGuideline
        }

        enum CodingKeys: String, CodingKey {
            case pollutant, averaging, concentration, unit, index, category, reason
            case beyondTable = "beyond_table"
            case timesGuideline = "times_guideline"
        }
    }

    init(_ air: AirIndex, at time: Timestamp, station: String? = nil, area: String? = nil) {
        self.time = time
        self.station = station
        self.area = area
        standard = air.standard
        version = air.standard.version
        report = air.report
        index = air.index
        level = air.category?.level
        category = air.category?.name
        localCategory = air.category?.localName
        colour = air.category?.colour
        primary = air.primary.map(\.rawValue)
        missing = air.missing.map(\.description)
        reason = air.undefined?.description
        timesGuideline = air.subIndices.compactMap(\.timesGuideline).max()
        subIndices = air.subIndices.map(SubIndex.init)
    }

    enum CodingKeys: String, CodingKey {
        case time, station, area, standard, version, report, index, level, category, colour, primary, missing, reason
        case localCategory = "local_category"
        case timesGuideline = "times_guideline"
        case subIndices = "sub_indices"
    }
}

/// The stations of an area together: its worst one, and the median of all that have an index.
struct AirAreaAnswer: Encodable {
    let time: Timestamp
    let area: String
    let stations: Int
    /// Those that have an index, or a level of the WHO.
    let indexed: Int
    /// The worst station; where none has an index, one that says why.
    let worst: AirAnswer
    /// Of the indices; of an even number the mean of the two in the middle. nil for the WHO.
    let median: Double?

    /// `answers` are the stations of one area at one time, at least one.
    init(_ answers: [(air: AirIndex, answer: AirAnswer)]) {
        precondition(!answers.isEmpty, "air: an area without stations")
        // Of equal ones the first by name.
        let worst = answers.enumerated().max {
            ($0.element.air.rank ?? -1, -$0.offset) < ($1.element.air.rank ?? -1, -$1.offset)
        }!
        self.worst = worst.element.answer
        time = self.worst.time
        area = self.worst.area ?? ""
        stations = answers.count
        indexed = answers.count { $0.air.rank != nil }
        let sorted = answers.compactMap(\.air.index).sorted()
        let middle = sorted.count / 2
        median =
            sorted.isEmpty
            ? nil
            : sorted.count % 2 == 1 ? Double(sorted[middle]) : Double(sorted[middle - 1] + sorted[middle]) / 2
    }
}
