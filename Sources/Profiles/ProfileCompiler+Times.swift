import Basics
import Decoding
import Settings
import Telemetry

extension ProfileCompiler {
    mutating func compileTime(_ setting: Setting, _ scope: Scope) -> Run {
        var candidates: [TimeCandidate] = []
        for item in setting.items ?? [setting] {
            if let candidate = compileCandidate(item, scope) { candidates.append(candidate) }
        }
        return builder.add(candidates, to: \.times)
    }

    private mutating func compileCandidate(_ setting: Setting, _ scope: Scope) -> TimeCandidate? {
        var reader = SettingReader(setting, &mistakes)
        guard setting.entries != nil else { return nil }
        let otherwise = reader.optional("else")
        if let otherwise, otherwise.text != "receipt" {
            mistakes.append(otherwise.mistake("expected receipt: what a time that cannot be used gives way to"))
        }
        if otherwise != nil, setting["at"] == nil, setting["as"] == nil {
            reader.finish(&mistakes)
            return TimeCandidate(form: .iso, references: Run(), elseReceipt: true)
        }
        let at = reader.required("at", "where the time stands, such as /ts", &mistakes)
        let form = reader.required("as", Self.timeForms, &mistakes)
        let zone = reader.optional("zone")
        let takesEnd = reader.flag("end", default: false, &mistakes)
        let end = setting["end"]
        let plus = reader.optional("plus")
        reader.finish(&mistakes)
        guard let at, let form, let references = references(at, scope, mayIterate: false) else { return nil }
        var candidate = TimeCandidate(form: .iso, references: references)
        candidate.takesEnd = takesEnd
        candidate.elseReceipt = otherwise != nil
        if let plus { candidate.plus = compileCalculation(plus, scope) ?? Run() }
        switch form.text {
        case "age": candidate.form = .age
        case "iso": candidate.form = .iso
        case "s": candidate.form = .seconds
        case "ms": candidate.form = .milliseconds
        case "us": candidate.form = .microseconds
        case "ns": candidate.form = .nanoseconds
        default:
            guard let fields = timeFields(form.text ?? "") else {
                mistakes.append(form.mistake("expected \(Self.timeForms)"))
                return nil
            }
            candidate.form = .fields
            candidate.fields = builder.add(fields, to: \.timeFields)
            if fields.contains(where: { $0.kind == .utc }) { candidate.zone = .fixed }
            if zone == nil, candidate.zone == .none {
                mistakes.append(form.mistake("expected 'zone' beside a pattern: \(Self.zoneForms)"))
            }
        }
        if let end, candidate.form != .iso, candidate.form != .fields {
            mistakes.append(end.mistake("of no effect: a count from 1970 is no interval"))
        }
        if let zone { setZone(zone, of: &candidate, scope) }
        return candidate
    }

    private mutating func setZone(_ zone: Setting, of candidate: inout TimeCandidate, _ scope: Scope) {
        switch (candidate.form, zone.text.map { expanded($0, scope) } ?? "") {
        case (.iso, let text), (.fields, let text):
            if text == "site" {
                candidate.zone = .site
            } else if let offset = Self.zoneOffset(text) {
                candidate.zone = .fixed
                candidate.offsetSeconds = offset
            } else if let rules = self.zone(expanded(text, scope)) {
                candidate.zone = .named
                candidate.zoneIndex = place(of: rules)
            } else {
                mistakes.append(zone.mistake("expected \(Self.zoneForms)"))
            }
        default:
            mistakes.append(zone.mistake("of no effect: a count from 1970 has no zone"))
        }
    }

    private static let timeForms = "iso, s, ms, us, ns, age or a pattern such as yyyy-MM-dd HH:mm:ss"
    private static let zoneForms =
        "utc, site, an offset such as +08:00, or a zone that the system knows, such as Asia/Shanghai"

    private mutating func place(of zone: ZoneRules) -> UInt32 {
        if let known = builder.zones.firstIndex(where: { $0.name == zone.name }) { return UInt32(known) }
        builder.zones.append(zone)
        return UInt32(builder.zones.count - 1)
    }

    /// Seconds east of UTC of `utc`, `Z` or `+08:00`.
    private static func zoneOffset(_ text: String) -> Int32? {
        if text == "utc" || text == "UTC" || text == "Z" { return 0 }
        let digits = text.dropFirst().split(separator: ":", omittingEmptySubsequences: false)
        guard let sign = text.first, sign == "+" || sign == "-", digits.count == 2,
            digits.allSatisfy({ $0.count == 2 }),
            let hours = Int32(digits[0]), let minutes = Int32(digits[1]), (0...14).contains(hours),
            (0...59).contains(minutes)
        else { return nil }
        return (sign == "-" ? -1 : 1) * (hours * 3600 + minutes * 60)
    }

    /// Fields of a pattern: yyyy, yy, MMM (Jan), MM, dd, HH, hh with a (AM, PM), mm, ss, SSS, Z; a single M, d, H or h
    /// takes one or two digits. `T` and other signs stand for themselves; other letters are refused.
    private func timeFields(_ pattern: String) -> [TimeField]? {
        let known: [(text: String, kind: TimeField.Kind)] = [
            ("yyyy", .year), ("yy", .shortYear), ("MMM", .monthName), ("MM", .month), ("dd", .day), ("HH", .hour),
            ("hh", .halfDayHour), ("mm", .minute), ("ss", .second), ("SSS", .millisecond), ("M", .month), ("d", .day),
            ("H", .hour), ("h", .halfDayHour), ("a", .halfDay), ("Z", .utc), ("z", .utc),
        ]
        var fields: [TimeField] = []
        var rest = pattern[...]
        while let first = rest.first {
            if let field = known.first(where: { rest.hasPrefix($0.text) }) {
                let width = UInt8(field.text.count)
                fields.append(TimeField(kind: field.kind, width: width, widthMax: max(width, 2)))
                rest = rest.dropFirst(field.text.count)
            } else {
                guard let byte = first.asciiValue, !first.isLetter || first == "T" else { return nil }
                fields.append(TimeField(kind: .literal, byte: byte))
                rest = rest.dropFirst()
            }
        }
        // A time without year, month and day is not one.
        let kinds = fields.map(\.kind)
        guard kinds.contains(.year) || kinds.contains(.shortYear), kinds.contains(.day),
            kinds.contains(.month) || kinds.contains(.monthName),
            kinds.contains(.halfDayHour) == kinds.contains(.halfDay)
        else { return nil }
        return fields
    }
}
