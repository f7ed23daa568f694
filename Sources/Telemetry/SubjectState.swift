public import Basics

extension StateWriter {
    /// The kind by its name, then what the kind needs.
    public mutating func append(_ subject: Subject) {
        append(text: subject.kind.rawValue)
        switch subject {
        case .series(let series, let device):
            append(device.rawValue)
            append(series.rawValue)
        case .device(let device): append(device.rawValue)
        case .circuit(let name), .area(let name): append(text: name)
        case .gateway, .broker: break
        }
    }
}

extension StateReader {
    /// What `append` wrote; nil for a kind that is not known, and where the bytes end.
    public mutating func nextSubject() -> Subject? {
        guard let kind = nextText().flatMap({ Subject.Kind(rawValue: $0) }) else { return nil }
        switch kind {
        case .series:
            guard let device = next(UInt32.self), let series = next(UInt32.self) else { return nil }
            return .series(SeriesID(rawValue: series), of: DeviceIndex(rawValue: device))
        case .device: return next(UInt32.self).map { .device(DeviceIndex(rawValue: $0)) }
        case .circuit: return nextText().map { .circuit($0) }
        case .area: return nextText().map { .area($0) }
        case .gateway: return .gateway
        case .broker: return .broker
        }
    }
}
