/// One thing the doctor looked at.
public struct FindingAnswer: Codable, Hashable, Sendable {
    public enum Level: String, Codable, Sendable, CaseIterable { case good, warning, bad }

    /// What was looked at: `broker`, `disk`, `clock`, `pipeline`.
    public var check: String
    public var level: Level
    public var finding: String
    /// What to do about it; nil where all is good.
    public var mend: String?

    public init(check: String, level: Level, finding: String, mend: String? = nil) {
        self.check = check
        self.level = level
        self.finding = finding
        self.mend = mend
    }
}
