import Basics
package import Telemetry

extension AlertNotice {
    /// What a template's place stands for.
    package func value(of field: NoticeTemplate.Field) -> NoticeTemplate.Value {
        switch field {
        case .id: .whole(alertID)
        case .rule: .text(rule)
        case .subject: .text(subject.rawValue)
        case .name: .text(name)
        case .quantity: quantity.map { .text($0) } ?? .absent
        case .channel: channel.map { .text($0) } ?? .absent
        case .phase: .text(phase.rawValue)
        case .severity: .text(severity.rawValue)
        case .since: .text(since.description)
        case .at: .text(at.description)
        case .value: value.flatMap { $0.isFinite ? .number($0) : nil } ?? .absent
        case .unit: unit.map { .text($0) } ?? .absent
        case .sentence: .text(sentence)
        case .summary: .text(summary)
        case .runbook: runbook.map { .text($0) } ?? .absent
        case .count: .whole(Int64(group?.count ?? 1))
        }
    }
}
