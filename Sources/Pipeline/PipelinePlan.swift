public import Basics
public import City
public import Detection
public import Windows

/// What the heart is told once, by the configuration: which windows are kept, what is watched, and how.
public struct PipelinePlan: Sendable {
    /// Which windows are kept of each quantity.
    public var windows: WindowPlan
    /// How much memory they may take.
    public var windowBudget: WindowBudget
    /// Which series are watched for anomalies.
    public var detection: DetectionPlan
    /// Which quantities are compared between devices.
    public var peers: PeerPlan
    /// When a lamp is faulty; its local clock is also that of the roads.
    public var lamps: LampRules
    /// The site's wall clock, by which the times of rules go.
    public var days: LocalDays
    /// false: nothing is noticed, for rules that ask for no findings.
    public var hasWatchers = true

    package init(
        windows: WindowPlan = .standard, windowBudget: WindowBudget = WindowBudget(),
        detection: DetectionPlan = DetectionPlan(), peers: PeerPlan = PeerPlan(),
        lamps: LampRules = LampRules(), days: LocalDays = LocalDays()
    ) {
        self.windows = windows
        self.windowBudget = windowBudget
        self.detection = detection
        self.peers = peers
        self.lamps = lamps
        self.days = days
    }
}
