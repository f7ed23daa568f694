extension Unicode.Scalar {
    /// Whether it steers what shows a text instead of being seen: a control or format character, or one that ends a line. Such
    /// a one moves a terminal's cursor, turns the direction of a line around, or begins a line of its own in a log.
    package var isSteering: Bool {
        if (0x20..<0x7F).contains(value) { return false }
        return switch properties.generalCategory {
        case .control, .format, .lineSeparator, .paragraphSeparator: true
        default: false
        }
    }
}
