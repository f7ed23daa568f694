/// What can go wrong between us and the broker.
public enum BrokerError: Error, Equatable, Sendable, CustomStringConvertible {
    case invalidOption(name: String, value: String, expected: String)
    case nameNotResolved(endpoint: String, reason: String)
    /// No TCP connection: refused, timed out, no route.
    case unreachable(endpoint: String, reason: String)
    /// Connected, but no CONNACK came in time.
    case noAnswer(endpoint: String, seconds: Int)
    /// Connected, but the other side closed before a CONNACK came.
    case hungUp(endpoint: String)
    /// The broker answered the CONNECT with a refusal; the reason is the broker's.
    case badCredentials(endpoint: String, username: String?, reason: String)
    case refused(endpoint: String, reason: String)
    /// `fault`: what was found wrong with the broker's certificate.
    case tls(endpoint: String, reason: String, fault: String?)
    case fileUnreadable(path: String, reason: String)
    case connectionLost(endpoint: String, reason: String)
    /// The broker closed the connection and gave no reason, as it does to an older client of the same id before mosquitto 2.0.15.
    case closedByBroker(endpoint: String, reason: String)
    /// Another client connected under our client id, and the broker says so (MQTT 5, 0x8E).
    case takenOver(endpoint: String)
    /// The file with the client ids under which the broker keeps messages for us cannot be used.
    case sessionsUnreadable(path: String, reason: String)
    case sessionsNotWritten(path: String, reason: String)
    /// Acknowledgements could not be written in time: the broker does not read.
    case stalled(endpoint: String, seconds: Int)
    /// We closed the connection without acknowledging.
    case dropped(endpoint: String, reason: String)
    case library(endpoint: String, operation: String, reason: String)

    /// One line that begins with `broker:` and says what failed, at which endpoint, and mostly what would be right.
    public var description: String {
        switch self {
        case .invalidOption(let name, let value, let expected):
            "broker: \(name) is '\(value)'; expected \(expected)"
        case .nameNotResolved(let endpoint, let reason):
            "broker: the host name of \(endpoint) has no address (\(reason)); check mqtt.host and the name service"
        case .unreachable(let endpoint, let reason):
            "broker: no connection to \(endpoint): \(reason); a broker should listen there"
        case .noAnswer(let endpoint, let seconds):
            "broker: \(endpoint) accepted the connection but did not answer the MQTT CONNECT within \(seconds) s; "
                + "is the port an MQTT listener, with or without TLS as configured?"
        case .hungUp(let endpoint):
            "broker: \(endpoint) hung up before it answered the MQTT CONNECT; is the port an MQTT listener, with or "
                + "without TLS as configured? With TLS it may want a certificate of ours (mqtt.tls.certificate_file)"
        case .badCredentials(let endpoint, let username, let reason):
            "broker: \(endpoint) refuses user \(username.map { "'\($0)'" } ?? "(none given)"): \(reason); "
                + "user name and password must be those of the broker's password file"
        case .refused(let endpoint, let reason): "broker: \(endpoint) refuses the connection: \(reason)"
        case .tls(let endpoint, let reason, let fault):
            "broker: TLS with \(endpoint) failed: \(reason); \(fault ?? Self.outlook(reason))"
        case .fileUnreadable(let path, let reason): "broker: cannot read \(path): \(reason)"
        case .connectionLost(let endpoint, let reason), .closedByBroker(let endpoint, let reason):
            "broker: connection to \(endpoint) lost: \(reason)"
        case .takenOver(let endpoint):
            "broker: connection to \(endpoint) lost: another client connected under this gateway's client id and has its "
                + "session now; stop the second gateway, or find out who has the id"
        case .sessionsUnreadable(let path, let reason):
            "broker: \(path), which says under which client ids the broker keeps messages for this gateway, \(reason); put it "
                + "back from a copy, or remove it: then the id is the one that the store remembers, and only messages under an "
                + "id of before would be left at the broker"
        case .sessionsNotWritten(let path, let reason):
            "broker: cannot write \(path), which says under which client ids the broker keeps messages for this gateway: "
                + "\(reason); no connection is opened under an id that is not written down"
        case .stalled(let endpoint, let seconds):
            "broker: \(endpoint) took no acknowledgement for \(seconds) s; connection closed"
        case .dropped(let endpoint, let reason):
            "broker: connection to \(endpoint) closed without acknowledging: \(reason); the broker will deliver again"
        case .library(let endpoint, let operation, let reason):
            "broker: \(operation) for \(endpoint) failed in libmosquitto: \(reason)"
        }
    }

    /// What may be done where OpenSSL found nothing wrong with the broker's certificate.
    private static func outlook(_ reason: String) -> String {
        if reason.contains("key values mismatch") {
            return "mqtt.tls.key_file is not the key of mqtt.tls.certificate_file"
        }
        if reason.contains("host name") { return "the broker's certificate must name mqtt.host" }
        if reason.contains("alert") {
            return "the broker did not like what we sent: look at its log, and at mqtt.tls.certificate_file"
        }
        return
            "the authority file must hold the issuer of the broker's certificate, and the certificate must name the host"
    }

    /// The connection broke, and nobody said more of it than that.
    var isBreak: Bool {
        switch self {
        case .connectionLost, .closedByBroker: true
        case .invalidOption, .nameNotResolved, .unreachable, .noAnswer, .hungUp, .badCredentials, .refused, .tls,
            .fileUnreadable, .takenOver, .sessionsUnreadable, .sessionsNotWritten, .stalled, .dropped, .library:
            false
        }
    }
}
