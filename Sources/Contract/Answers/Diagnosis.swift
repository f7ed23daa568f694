/// One thing the doctor looked at.
public struct Diagnosis: Codable, Hashable, Sendable {
    /// How bad it is; `bad` makes `baotu doctor` end with exit code 2.
    public enum Level: String, Codable, Sendable, CaseIterable { case good, warning, bad }

    /// What was looked at: `broker`, `disk`, `clock`, `pipeline`, `configuration`, `state`: what is stored of it,
    /// `store`: whether it is the one that it was, or `readings`: those ahead of now.
    public var check: String
    /// Good where nothing has to be done.
    public var level: Level
    /// What was found, as a sentence with the numbers.
    public var finding: String
    /// What to do about it; nil where all is good, or no advice is known.
    public var mend: String?

    package init(check: String, level: Level, finding: String, mend: String? = nil) {
        self.check = check
        self.level = level
        self.finding = finding
        self.mend = mend
    }
}
