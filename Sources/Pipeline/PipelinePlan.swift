public import City
public import Detection
public import Windows

/// What the heart is told once, by the configuration: which windows are kept, what is watched, and how.
public struct PipelinePlan: Sendable {
    public var windows: WindowPlan
    public var detection: DetectionPlan
    public var peers: PeerPlan
    public var lamps: LampRules

    public init(
        windows: WindowPlan = .standard, detection: DetectionPlan = DetectionPlan(), peers: PeerPlan = PeerPlan(),
        lamps: LampRules = LampRules()
    ) {
        self.windows = windows
        self.detection = detection
        self.peers = peers
        self.lamps = lamps
    }
}
