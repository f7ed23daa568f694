import Basics
import Telemetry

/// Which alerts that explain others are up, and where.
struct CauseTable: Sendable {
    private let causes: [Cause]
    /// By cause and place, rising.
    private var up: [Place: [AlertKey]] = [:]
    /// Where each of them is filed.
    private var places: [AlertKey: [Place]] = [:]
    /// By name of a rule: of which causes its alerts are, and which explain them.
    private var roles: [ByteName: (causes: [Int], explained: [Int])] = [:]
    private var hasChanged = false

    private struct Place: Hashable {
        var cause: Int
        var name: ByteName
    }

    init(_ causes: [Cause]) { self.causes = causes }

    private mutating func role(_ rule: String) -> (causes: [Int], explained: [Int]) {
        if let known = roles[ByteName(rule)] { return known }
        let role = (
            causes: causes.indices.filter { index in causes[index].rules.contains { $0.matches(rule) } },
            explained: causes.indices.filter { index in causes[index].explains.contains { $0.matches(rule) } }
        )
        roles[ByteName(rule)] = role
        return role
    }

    /// An alert has begun, goes on, or is over.
    mutating func note(_ key: AlertKey, isUp: Bool, _ place: DeskPlace) {
        guard !causes.isEmpty, isUp != (places[key] != nil) else { return }
        if isUp {
            let filed = role(key.rule).causes.compactMap { cause in
                Self.name(of: key.subject, causes[cause].within, place).map { Place(cause: cause, name: $0) }
            }
            guard !filed.isEmpty else { return }
            places[key] = filed
            for one in filed {
                up[one, default: []].append(key)
                up[one]?.sort()
            }
        } else {
            for one in places.removeValue(forKey: key) ?? [] {
                up[one]?.removeAll { $0 == key }
                if up[one]?.isEmpty ?? false { up[one] = nil }
            }
        }
        hasChanged = true
    }

    /// What explains the alert now; nil where nothing does.
    mutating func cause(of key: AlertKey, _ place: DeskPlace) -> AlertKey? {
        guard !up.isEmpty else { return nil }
        for cause in role(key.rule).explained {
            guard let name = Self.name(of: key.subject, causes[cause].within, place),
                let found = up[Place(cause: cause, name: name)]?.first(where: { $0 != key })
            else { continue }
            return found
        }
        return nil
    }

    /// How long the alert waits for a cause, and for its end behind that of one; nil where nothing could explain it: what is on
    /// no circuit waits for no feeder.
    mutating func waits(for key: AlertKey, _ place: DeskPlace) -> (wait: Duration, settle: Duration)? {
        let explained = role(key.rule).explained.filter {
            Self.name(of: key.subject, causes[$0].within, place) != nil
        }
        guard !explained.isEmpty else { return nil }
        return (explained.map { causes[$0].wait }.max()!, explained.map { causes[$0].settle }.max()!)
    }

    /// Whether one came or went since this was last asked.
    mutating func takeChanges() -> Bool {
        defer { hasChanged = false }
        return hasChanged
    }

    private static func name(of subject: Subject, _ reach: Cause.Reach, _ place: DeskPlace) -> ByteName? {
        let name: String
        switch reach {
        case .device:
            guard let device = subject.device else { return nil }
            name = "\(device.rawValue)"
        case .circuit: name = place.roster.circuit(of: subject)
        case .area: name = place.roster.area(of: subject)
        case .all: return ByteName("")
        }
        return name.isEmpty ? nil : ByteName(name)
    }
}
