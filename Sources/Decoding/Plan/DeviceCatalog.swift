package import Basics

/// All device profiles, compiled. A catalogue that exists cannot be wrong: names, units and references were checked.
public struct DeviceCatalog: Sendable {
    package let plan: Plan
    /// In the order of the sources.
    public var profileNames: [String] { plan.profileNames }
    /// MQTT filters that bring every topic a rule wants, sorted; none of them is covered by another. Topics that are
    /// only ignored are not subscribed to.
    public let subscriptions: [String]

    /// What profiles ask for as `$name`: facts of earlier messages, and constants of the roster.
    package var factNames: [String] { plan.factNames }

    /// What of the profiles may be meant and probably is not.
    package let warnings: [Mistake]

    package init(plan: Plan, subscriptions: [String], warnings: [Mistake] = []) {
        self.warnings = warnings
        self.plan = plan
        self.subscriptions = subscriptions
    }
}
