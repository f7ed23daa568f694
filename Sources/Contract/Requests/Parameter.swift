/// The name of a value in a URL. One word for one thing, whatever is asked.
///
/// A struct, so that an order can bring words of its own in its file.
package struct Parameter: Hashable, Sendable, CustomStringConvertible {
    package let name: String

    package init(_ name: String) { self.name = name }

    package var description: String { name }

    static let device = Parameter("device")
    static let profile = Parameter("profile")
    static let area = Parameter("area")
    static let quantity = Parameter("quantity")
    static let channel = Parameter("channel")
    static let since = Parameter("since")
    static let until = Parameter("until")
    static let step = Parameter("step_ms")
    static let window = Parameter("window_ms")
    static let limit = Parameter("limit")
    static let by = Parameter("by")
    static let quantiles = Parameter("quantiles")
    static let cells = Parameter("cells")
    static let top = Parameter("top")
    static let order = Parameter("order")
    static let ascending = Parameter("ascending")
    static let phase = Parameter("phase")
    static let circuit = Parameter("circuit")
    static let severity = Parameter("severity")
    static let state = Parameter("state")
    static let before = Parameter("before")
    static let rule = Parameter("rule")
    static let reason = Parameter("reason")
    static let format = Parameter("format")
    static let end = Parameter("end")
    /// In a path.
    static let id = Parameter("id")
}
