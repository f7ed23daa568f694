public import Alerting
public import Telemetry

extension Pipeline {
    /// One alert as it was stored; `peak` is the worst value of the incident that is not over.
    public typealias AlertAsKept = (
        key: AlertKey, state: AlertState, severity: Severity, watched: String, peak: AlertPeak?
    )
}
