/// Where the broker is and what session we hold with it.
public struct BrokerOptions: Sendable {
    /// Of MQTT, by its usual number.
    public enum ProtocolVersion: String, Sendable, CaseIterable {
        case mqtt5 = "5"
        case mqtt311 = "3.1.1"
    }

    /// Granted at most 1, ever: with QoS 2 the library holds the message in memory while the broker may forget it,
    /// so a crash between PUBREC and PUBREL would lose it (measured: 460 of 40,000 lost in 12 kills).
    public enum QualityOfService: Int, Sendable, CaseIterable {
        case atMostOnce = 0
        case atLeastOnce = 1
    }

    /// What TLS trusts, and what we show.
    public struct TLSOptions: Sendable, Equatable {
        /// PEM file of the authorities to trust; with `caPath` nil too, those of the operating system are trusted.
        public var caFile: String?
        /// Directory of hashed PEM files.
        public var caPath: String?
        /// PEM file of our own certificate, where the broker asks for one; with `keyFile` or not at all.
        public var certificateFile: String?
        /// PEM file of that certificate's key.
        public var keyFile: String?
        /// Off only for a broker whose certificate names another host; the certificate itself is verified always.
        public var verifiesHostname = true

        package init(
            caFile: String? = nil, caPath: String? = nil, certificateFile: String? = nil, keyFile: String? = nil,
            verifiesHostname: Bool = true
        ) {
            self.caFile = caFile
            self.caPath = caPath
            self.certificateFile = certificateFile
            self.keyFile = keyFile
            self.verifiesHostname = verifiesHostname
        }
    }

    /// A name or an address; a session refuses an empty one.
    public var host: String
    /// 1 to 65535.
    public var port: Int
    /// The broker keeps our unacknowledged messages under this name: keep it from start to start.
    public var clientID: String
    /// Whoever knows it can throw the session away, so that no message and no line of the log names it.
    public var isClientIDSecret = false
    /// nil where the broker lets anybody in.
    public var username: String?
    /// A session refuses one without a `username`.
    public var password: String?
    /// Asked before each connection; what it tells takes the place of `password`, and nil leaves that as it is.
    public var currentPassword: (@Sendable () -> String?)?
    /// nil for a connection without TLS.
    public var tls: TLSOptions?
    /// 3.1.1 knows no `receiveMaximum`, no length of `sessionExpiry`, and no way to spare us our own messages.
    public var version = ProtocolVersion.mqtt5
    /// 5 to 65535 s. Must exceed the worst stall of a commit: while acknowledgements are held back nothing else is
    /// written either, and the broker hangs up after one and a half of it.
    public var keepAlive = Duration.seconds(60)
    /// 1 to 60 s, once for the TCP connection and once for the broker's answer.
    public var connectTimeout = Duration.seconds(10)
    /// How long the broker keeps the session while we are away; `.zero` asks for a clean session that ends with the
    /// connection. MQTT 3.1.1 knows only "ends" and "as the broker pleases".
    public var sessionExpiry = Duration.seconds(7 * 86_400)
    /// 1 to 65535 messages the broker may send before the first is acknowledged (MQTT 5 only).
    ///
    /// Not a bound on memory: mosquitto 2.0 overruns it. Memory is bounded by the limits given to `receive`.
    public var receiveMaximum = 10_000
    /// Topic filters; `+` stands for a level and `#` for the rest.
    public var subscriptions: [String]
    /// Off where a session is only taken up: then they are those that it may have, for `BrokerSession.leaveSubscriptions`.
    public var subscribes = true
    /// Asked for with each; at QoS 0 what comes while we are away is lost.
    public var subscriptionQoS = QualityOfService.atLeastOnce
    /// Messages under this prefix are our own, published by this gateway: never handed out. MQTT 5 asks the broker
    /// not to send them in the first place.
    public var ignoredTopicPrefix: String?
    /// A filter under that prefix of what we publish retained; nil: nothing.
    public var ownWordsFilter: String?
    /// Hands out what the broker retains by that filter, see `BrokerSession.takeOwnWords`, before anything else of a connection,
    /// until it is no longer wanted.
    public var readsOwnWords = false
    /// Listens to `$SYS/broker/publish/messages/dropped` and reports increases as `BrokerEvent.droppedByBroker`; and to
    /// `$SYS/broker/version`, for `BrokerEvent.version`.
    public var watchesDroppedMessages = true
    /// What the broker's count was when it was last heard, maybe by an earlier process: the first report counts on from it. nil: the
    /// first report is where the counting starts.
    public var droppedBefore: Int?
    /// Of our own publishes, how many may wait for the broker's PUBACK, 1 to 10,000.
    public var unconfirmedMax = 1000

    package init(host: String, port: Int = 1883, clientID: String, subscriptions: [String] = []) {
        self.host = host
        self.port = port
        self.clientID = clientID
        self.subscriptions = subscriptions
    }

    var endpoint: String { "\(host):\(port)" }

    func validated() throws(BrokerError) {
        func check(_ holds: Bool, _ name: String, _ value: String, _ expected: String) throws(BrokerError) {
            if !holds { throw .invalidOption(name: name, value: value, expected: expected) }
        }
        try check(!host.isEmpty, "host", host, "a host name or address")
        try check((1...65_535).contains(port), "port", "\(port)", "a port from 1 to 65535")
        try check(
            !clientID.isEmpty && clientID.utf8.count <= 256 && !clientID.utf8.contains(0), "clientID", clientID,
            "1 to 256 bytes: the broker keeps the session under it")
        let seconds = keepAlive.components.seconds
        try check((5...65_535).contains(seconds), "keepAlive", "\(keepAlive)", "5 to 65535 s")
        try check(
            (1...60).contains(connectTimeout.components.seconds), "connectTimeout", "\(connectTimeout)", "1 to 60 s")
        try check(sessionExpiry >= .zero, "sessionExpiry", "\(sessionExpiry)", "zero or longer")
        try check(
            (1...65_535).contains(receiveMaximum), "receiveMaximum", "\(receiveMaximum)", "1 to 65535 messages")
        try check(
            (1...10_000).contains(unconfirmedMax), "unconfirmedMax", "\(unconfirmedMax)", "1 to 10000 messages")
        try check(
            password == nil || username != nil, "username", "nothing", "a name beside the password")
        if let tls {
            try check(
                (tls.certificateFile == nil) == (tls.keyFile == nil), "certificateFile, keyFile",
                "only one of them", "both or neither")
        }
    }
}
