import Basics
import CMosquitto
import Glibc
import Telemetry

// Long: the library is behind this one file: what it calls touches what nobody else may.

/// The fence around libmosquitto: the only file that imports it, and the only one that sees its pointers and codes.
///
/// The library is used as if we had threads (`mosquitto_threaded_set`) and its loop is turned by us, because only then
/// does nothing but `mosquitto_loop_write` write to the socket. A PUBACK that is queued stays queued until `write`.
/// `mosquitto_loop` and `mosquitto_loop_start` write by themselves and must never be called.
///
/// Owned by one thread. Callbacks run inside `read`, `write` and `turnKeepAlive`, on that thread.
final class MosquittoClient {
    /// What the callbacks saw, in order.
    enum Signal {
        case accepted(BrokerEvent.Session)
        case refused(BrokerError)
        case disconnected(BrokerError)
        case subscribed(filter: String, granted: BrokerOptions.QualityOfService)
        case subscriptionRefused(filter: String, reason: String)
        case publishRefused(MessageToken, reason: String)
        case droppedTotal(Int)
        case version(String)
    }

    enum Drained {
        case dry, full, timeUp
        case lost(BrokerError)
    }

    private static let droppedTopic = "$SYS/broker/publish/messages/dropped"
    private static let versionTopic = "$SYS/broker/version"
    private static let initialised: Bool = {
        // A write to a connection that the broker closed must be an error code, not the end of the process:
        // libmosquitto 2.0 writes with write(2), which raises SIGPIPE.
        signal(SIGPIPE, SIG_IGN)
        return mosquitto_lib_init() == MOSQ_ERR_SUCCESS.rawValue
    }()

    private let options: BrokerOptions
    private let handle: OpaquePointer
    private let ignoredPrefix: [UInt8]
    private let droppedTopicBytes = Array(MosquittoClient.droppedTopic.utf8)
    private let versionTopicBytes = Array(MosquittoClient.versionTopic.utf8)
    private var hasConnectedBefore = false

    // What `message` needs while `read` runs.
    private var target: UnsafeMutablePointer<MessageBatch>?
    private var receivedAt = Timestamp(milliseconds: 0)
    /// Counts every callback, so that `read` sees whether a call brought anything.
    private var callbacks = 0

    /// QoS 1 messages handed out since the last `write`: their PUBACKs lie in the library's queue.
    private(set) var heldCount = 0
    private(set) var signals: [Signal] = []
    private(set) var confirmed: [MessageToken] = []
    private var unconfirmed: [Int32: (token: MessageToken, qos: Int32)] = [:]
    private var pendingFilters: [Int32: String] = [:]
    /// Where two of our filters overlap in part: what tells the copies of a message from messages that are alike.
    private var sieve: CopySieve?
    /// Of the subscriptions by which the message came: one, or all where the broker sends one copy for all.
    private var subscriptionIdentifiers: [UInt32] = []
    /// As the broker's CONNACK says; MQTT 5 only.
    private var takesIdentifiers = false
    private var lastToken: UInt64 = 0
    private(set) var readsOwnWords: Bool
    private var ownWords: [OwnWord] = []
    private var libraryErrors: [String] = []
    private var certificateFault: CertificateFault?
    /// UNSUBSCRIBEs of a session that is left whose answers are still to come.
    private var unsubscribesOpen: Set<Int32> = []
    /// One more, behind all acknowledgements: what the broker had to send comes before its answer.
    private var fence: Int32?
    private var hasTakenSinceFence = false
    /// The subscriptions are given up, and the broker had nothing more to send at the last fence.
    private(set) var isDry = false

    init(options: BrokerOptions) throws(BrokerError) {
        try options.validated()
        self.options = options
        readsOwnWords = options.readsOwnWords && options.ownWordsFilter != nil
        ignoredPrefix = Array((options.ignoredTopicPrefix ?? "").utf8)
        guard Self.initialised,
            let handle = mosquitto_new(options.clientID, options.sessionExpiry == .zero, nil)
        else {
            throw .library(endpoint: options.endpoint, operation: "starting a client", reason: "out of memory")
        }
        self.handle = handle
        mosquitto_user_data_set(handle, Unmanaged.passUnretained(self).toOpaque())
        let version = options.version == .mqtt5 ? MQTT_PROTOCOL_V5 : MQTT_PROTOCOL_V311
        try check(mosquitto_int_option(handle, MOSQ_OPT_PROTOCOL_VERSION, version), "choosing the MQTT version")
        try check(
            mosquitto_int_option(handle, MOSQ_OPT_RECEIVE_MAXIMUM, Int32(options.receiveMaximum)),
            "setting the receive maximum")
        try check(mosquitto_int_option(handle, MOSQ_OPT_TCP_NODELAY, 1), "setting TCP_NODELAY")
        try check(
            mosquitto_max_inflight_messages_set(handle, UInt32(options.unconfirmedMax)), "setting the send maximum")
        try check(mosquitto_threaded_set(handle, true), "taking over the loop")
        if let username = options.username {
            try check(mosquitto_username_pw_set(handle, username, options.password), "setting the user name")
        }
        if let tls = options.tls { try setUp(tls) }
        setUpCallbacks()
    }

    deinit { mosquitto_destroy(handle) }

    // MARK: Connecting

    /// Opens the socket and queues the CONNECT. The answer comes as a signal.
    ///
    /// Acknowledgements held for an older connection are thrown away by the library, which is right: packet
    /// identifiers begin anew.
    func connect() -> BrokerError? {
        heldCount = 0
        pendingFilters.removeAll()
        unsubscribesOpen.removeAll()
        (fence, isDry) = (nil, false)
        forgetUnconfirmedQoS0()
        libraryErrors.removeAll()
        certificateFault = nil
        if let username = options.username, let password = options.currentPassword?() {
            let code = mosquitto_username_pw_set(handle, username, password)
            guard code == MOSQ_ERR_SUCCESS.rawValue else { return error(of: code) }
        }
        // Only while connecting: with a log function set the library formats a line for every packet.
        mosquitto_log_callback_set(handle) { _, context, level, text in
            guard level == MOSQ_LOG_ERR, let text else { return }
            MosquittoClient.from(context).keep(libraryError: String(cString: text))
        }
        let code: Int32
        if hasConnectedBefore {
            code = mosquitto_reconnect(handle)
        } else {
            var properties: OpaquePointer?
            if options.version == .mqtt5, options.sessionExpiry > .zero {
                // Without this property a v5 session ends with its socket, whatever "clean start" says.
                let seconds = UInt32(min(options.sessionExpiry.components.seconds, Int64(UInt32.max)))
                mosquitto_property_add_int32(
                    &properties, Int32(MQTT_PROP_SESSION_EXPIRY_INTERVAL.rawValue), max(seconds, 1))
            }
            code = mosquitto_connect_bind_v5(
                handle, options.host, Int32(options.port), Int32(options.keepAlive.components.seconds), nil,
                properties)
            mosquitto_property_free_all(&properties)
            hasConnectedBefore = true
        }
        return code == MOSQ_ERR_SUCCESS.rawValue ? nil : error(of: code)
    }

    /// Queues a SUBSCRIBE for every filter.
    func subscribe() -> BrokerError? {
        libraryErrors.removeAll()
        mosquitto_log_callback_set(handle, nil)
        var filters = TopicFilter.withoutCovered(options.subscriptions).map {
            (filter: $0, qos: Int32(options.subscriptionQoS.rawValue))
        }
        sieve = takesIdentifiers && !TopicFilter.overlapping(filters.map(\.filter)).isEmpty ? CopySieve() : nil
        if options.watchesDroppedMessages { filters += [(Self.droppedTopic, 0), (Self.versionTopic, 0)] }
        if let error = subscribeToOwnWords() { return error }
        // A session that lasts may have them from before.
        for covered in options.subscriptions where !filters.contains(where: { $0.filter == covered }) {
            mosquitto_unsubscribe(handle, nil, covered)
        }
        for (place, (filter, qos)) in filters.enumerated() {
            var flags: Int32 = 0
            if options.version == .mqtt5, !filter.hasPrefix("$SYS/") {
                // Retained values come with a new subscription only, not again after every reconnect.
                flags = Int32(MQTT_SUB_OPT_SEND_RETAIN_NEW.rawValue)
                // MQTT 5, 3.8.3.1: no-local on a shared subscription is a protocol error.
                if !filter.hasPrefix("$share/") { flags |= Int32(MQTT_SUB_OPT_NO_LOCAL.rawValue) }
            }
            var properties: OpaquePointer?
            defer { mosquitto_property_free_all(&properties) }
            if sieve != nil {
                mosquitto_property_add_varint(
                    &properties, Int32(MQTT_PROP_SUBSCRIPTION_IDENTIFIER.rawValue), UInt32(place + 1))
            }
            var id: Int32 = 0
            let code = mosquitto_subscribe_v5(handle, &id, filter, qos, flags, properties)
            guard code == MOSQ_ERR_SUCCESS.rawValue else {
                if code == MOSQ_ERR_INVAL.rawValue || code == MOSQ_ERR_MALFORMED_UTF8.rawValue {
                    signals.append(.subscriptionRefused(filter: filter, reason: "not a valid topic filter"))
                    continue
                }
                return error(of: code)
            }
            pendingFilters[id] = filter
        }
        return nil
    }

    /// Queues an UNSUBSCRIBE for every filter that the session may have.
    func unsubscribe() -> BrokerError? {
        let own = [Self.droppedTopic, Self.versionTopic] + (options.ownWordsFilter.map { [$0] } ?? [])
        for filter in options.subscriptions + own {
            var id: Int32 = 0
            let code = mosquitto_unsubscribe(handle, &id, filter)
            guard code == MOSQ_ERR_SUCCESS.rawValue else { return error(of: code) }
            unsubscribesOpen.insert(id)
        }
        return nil
    }

    /// Queues the question whether more is to come, behind the acknowledgements of all that came; `isDry` has the answer.
    func raiseFence() -> BrokerError? {
        guard unsubscribesOpen.isEmpty, fence == nil, !isDry, let filter = options.subscriptions.first else {
            return nil
        }
        var id: Int32 = 0
        let code = mosquitto_unsubscribe(handle, &id, filter)
        guard code == MOSQ_ERR_SUCCESS.rawValue else { return error(of: code) }
        (fence, hasTakenSinceFence) = (id, false)
        return nil
    }

    private func unsubscribed(_ id: Int32) {
        callbacks += 1
        unsubscribesOpen.remove(id)
        guard id == fence else { return }
        fence = nil
        isDry = !hasTakenSinceFence
    }

    /// First, so that the broker sends them before what devices have said meanwhile.
    private func subscribeToOwnWords() -> BrokerError? {
        guard let filter = options.ownWordsFilter else { return nil }
        guard readsOwnWords else {
            // A session that lasts may have it from a start that ended before all of them were read.
            mosquitto_unsubscribe(handle, nil, filter)
            return nil
        }
        var id: Int32 = 0
        let code = mosquitto_subscribe(handle, &id, filter, 1)
        guard code == MOSQ_ERR_SUCCESS.rawValue else { return error(of: code) }
        pendingFilters[id] = filter
        return nil
    }

    func takeOwnWords() -> [OwnWord] {
        guard !ownWords.isEmpty else { return [] }
        defer { ownWords.removeAll() }
        return ownWords
    }

    func stopOwnWords() {
        guard readsOwnWords, let filter = options.ownWordsFilter else { return }
        readsOwnWords = false
        ownWords.removeAll()
        mosquitto_unsubscribe(handle, nil, filter)
    }

    /// Ends the connection for the broker at once, writing nothing. Its file descriptor is freed by the next connect.
    func abandon() {
        heldCount = 0
        forgetUnconfirmedQoS0()
        let socket = mosquitto_socket(handle)
        if socket >= 0 { shutdown(socket, Int32(SHUT_RDWR)) }
    }

    /// Sends a DISCONNECT and waits, at most a second, until the broker has read all and hung up.
    ///
    /// The library closes its socket right behind the DISCONNECT. If anything unread lies in it, the kernel then sends a
    /// reset, and the broker throws away the acknowledgements it has not read yet: 25 of 30 came again in a test. A
    /// second descriptor keeps the socket open until the broker's own end.
    func leave() {
        let socket = dup(mosquitto_socket(handle))
        mosquitto_disconnect(handle)
        let end = ContinuousClock.now + .seconds(1)
        while write() == nil, wantsToWrite, ContinuousClock.now < end { waitForRoom(.milliseconds(50)) }
        guard socket >= 0 else { return }
        shutdown(socket, Int32(SHUT_WR))
        var unread = [UInt8](repeating: 0, count: 65_536)
        var entry = pollfd(fd: socket, events: Int16(POLLIN), revents: 0)
        while poll(&entry, 1, pollMilliseconds(end - ContinuousClock.now)) > 0 {
            guard recv(socket, &unread, unread.count, Int32(MSG_DONTWAIT)) > 0, ContinuousClock.now < end
            else { break }
        }
        close(socket)
    }

    // MARK: Turning the loop

    /// Reads packets until the socket is dry, the batch is full, or `end` has passed.
    ///
    /// One library call reads one packet, except under TLS (a record at a time) and while our own publishes are
    /// unconfirmed (up to as many packets as there are): by so many the batch may pass its limits. Whether the socket
    /// is dry is learnt from a call that brings nothing, once a drain: asking FIONREAD would be one more system call a packet.
    func read(
        into batch: inout MessageBatch, messagesMax: Int, bytesMax: Int, receivedAt now: Timestamp,
        until end: ContinuousClock.Instant
    ) -> Drained {
        receivedAt = now
        return withUnsafeMutablePointer(to: &batch) { batch in
            target = batch
            defer { target = nil }
            var calls = 0
            while batch.pointee.count < messagesMax, batch.pointee.byteCount < bytesMax {
                let before = callbacks
                let code = mosquitto_loop_read(handle, 1)
                guard code == MOSQ_ERR_SUCCESS.rawValue else { return .lost(error(of: code)) }
                if callbacks == before { return .dry }
                calls += 1
                // Asked every 64 packets, the clock does not show in a profile.
                if calls & 63 == 0, ContinuousClock.now >= end { return .timeUp }
            }
            return .full
        }
    }

    /// One library call: one packet, or one TLS record of them.
    func readOnce(into batch: inout MessageBatch, receivedAt now: Timestamp) -> Drained {
        receivedAt = now
        return withUnsafeMutablePointer(to: &batch) { batch in
            target = batch
            defer { target = nil }
            let code = mosquitto_loop_read(handle, 1)
            return code == MOSQ_ERR_SUCCESS.rawValue ? .dry : .lost(error(of: code))
        }
    }

    var wantsToWrite: Bool { mosquitto_want_write(handle) }

    /// Writes everything that is queued, or as much as the socket takes.
    func write() -> BrokerError? {
        // The library writes each 4-byte PUBACK by a call of its own. Corked, a group leaves in full segments, and the
        // last one without the delay that Nagle's algorithm would add.
        cork(true)
        let code = mosquitto_loop_write(handle, 1)
        cork(false)
        return code == MOSQ_ERR_SUCCESS.rawValue ? nil : error(of: code)
    }

    private func cork(_ isCorked: Bool) {
        var flag: Int32 = isCorked ? 1 : 0
        setsockopt(
            mosquitto_socket(handle), Int32(IPPROTO_TCP), TCP_CORK, &flag, socklen_t(MemoryLayout<Int32>.size))
    }

    /// The messages handed out so far may be acknowledged by the next `write`.
    func releaseHeld() { heldCount = 0 }

    /// Queues a PINGREQ when one is due, and notices when its answer did not come.
    func turnKeepAlive() -> BrokerError? {
        let code = mosquitto_loop_misc(handle)
        return code == MOSQ_ERR_SUCCESS.rawValue ? nil : error(of: code)
    }

    /// Waits until there is something to read (or room to write), at most `patience`; whether there is something to read.
    @discardableResult
    func wait(_ patience: Duration, forWriting: Bool) -> Bool {
        var entry = pollfd(
            fd: mosquitto_socket(handle), events: Int16(POLLIN) | (forWriting ? Int16(POLLOUT) : 0), revents: 0)
        poll(&entry, 1, pollMilliseconds(patience))
        return entry.revents & Int16(POLLIN) != 0
    }

    /// Waits until there is room to write, at most `patience`.
    func waitForRoom(_ patience: Duration) {
        var entry = pollfd(fd: mosquitto_socket(handle), events: Int16(POLLOUT), revents: 0)
        poll(&entry, 1, pollMilliseconds(patience))
    }

    // MARK: Publishing and signals

    func publish(topic: String, payload: UnsafeRawBufferPointer, qos: BrokerOptions.QualityOfService, retain: Bool)
        -> MessageToken?
    {
        guard unconfirmed.count < options.unconfirmedMax, !topic.utf8.contains(0) else { return nil }
        var id: Int32 = 0
        let code = mosquitto_publish_v5(
            handle, &id, topic, Int32(payload.count), payload.baseAddress, Int32(qos.rawValue), retain, nil)
        guard code == MOSQ_ERR_SUCCESS.rawValue else { return nil }
        lastToken += 1
        let token = MessageToken(rawValue: lastToken)
        unconfirmed[id] = (token, Int32(qos.rawValue))
        return token
    }

    func takeSignals() -> [Signal] {
        guard !signals.isEmpty else { return [] }
        defer { signals.removeAll() }
        return signals
    }

    func takeConfirmed() -> [MessageToken] {
        guard !confirmed.isEmpty else { return [] }
        defer { confirmed.removeAll() }
        return confirmed
    }

    // MARK: Callbacks

    private static func from(_ context: UnsafeMutableRawPointer?) -> MosquittoClient {
        Unmanaged<MosquittoClient>.fromOpaque(context!).takeUnretainedValue()
    }

    private func setUpCallbacks() {
        mosquitto_message_v5_callback_set(handle) { _, context, message, properties in
            guard let message else { return }
            MosquittoClient.from(context).take(message.pointee, properties)
        }
        mosquitto_connect_v5_callback_set(handle) { _, context, code, flags, properties in
            MosquittoClient.from(context).answered(code, flags, properties)
        }
        mosquitto_disconnect_v5_callback_set(handle) { _, context, code, _ in
            let client = MosquittoClient.from(context)
            client.callbacks += 1
            if code != 0 { client.signals.append(.disconnected(client.error(of: code))) }
        }
        mosquitto_subscribe_v5_callback_set(handle) { _, context, id, count, granted, _ in
            let client = MosquittoClient.from(context)
            client.callbacks += 1
            guard let filter = client.pendingFilters.removeValue(forKey: id), count > 0, let granted else { return }
            if let qos = BrokerOptions.QualityOfService(rawValue: Int(granted[0])) {
                client.signals.append(.subscribed(filter: filter, granted: qos))
            } else {
                // v3.1.1 knows one refusal, 0x80; v5 says which.
                let reason = String(cString: mosquitto_reason_string(granted[0]))
                client.signals.append(.subscriptionRefused(filter: filter, reason: reason))
            }
        }
        mosquitto_unsubscribe_v5_callback_set(handle) { _, context, id, _ in
            MosquittoClient.from(context).unsubscribed(id)
        }
        mosquitto_publish_v5_callback_set(handle) { _, context, id, code, _ in
            let client = MosquittoClient.from(context)
            client.callbacks += 1
            guard let token = client.unconfirmed.removeValue(forKey: id)?.token else { return }
            if code < 128 {
                client.confirmed.append(token)
            } else {
                let reason = String(cString: mosquitto_reason_string(code))
                client.signals.append(.publishRefused(token, reason: reason))
            }
        }
    }

    @inline(__always)
    private func take(_ message: mosquitto_message, _ properties: OpaquePointer?) {
        callbacks += 1
        guard let start = message.topic else { return }
        guard let target else { preconditionFailure("broker: a message arrived while nobody was reading") }
        let topic = UnsafeRawBufferPointer(start: start, count: strlen(start))
        let payload = UnsafeRawBufferPointer(start: message.payload, count: Int(message.payloadlen))
        (hasTakenSinceFence, isDry) = (true, false)
        if topic.first == UInt8(ascii: "$"), isOfBroker(topic, payload) { return }
        // An ignored message is not held: its PUBACK may leave with the next write.
        if !ignoredPrefix.isEmpty, topic.starts(with: ignoredPrefix) {
            if readsOwnWords, message.retain {
                ownWords.append(OwnWord(topic: String(decoding: topic, as: UTF8.self), payload: Array(payload)))
            }
            return
        }
        // Nor is a copy: its PUBACK leaves behind that of the message.
        if sieve != nil {
            readSubscriptionIdentifiers(of: properties)
            if sieve!.isCopy(topic: topic, payload: payload, of: subscriptionIdentifiers) { return }
        }
        // Redelivery (DUP) is not shown to a callback by the library; the journal finds repeats by their time.
        target.pointee.append(topic: topic, payload: payload, receivedAt: receivedAt, isRetained: message.retain)
        if message.qos > 0 { heldCount += 1 }
    }

    /// What the broker says of itself, and we asked for.
    private func isOfBroker(_ topic: UnsafeRawBufferPointer, _ payload: UnsafeRawBufferPointer) -> Bool {
        let text = { String(decoding: payload, as: UTF8.self) }
        if topic.elementsEqual(droppedTopicBytes) {
            // Nobody counts so far, and sums of what is far below fit.
            if let total = Int(text()), (0...1 << 40).contains(total) { signals.append(.droppedTotal(total)) }
        } else if topic.elementsEqual(versionTopicBytes) {
            signals.append(.version(text()))
        } else {
            return false
        }
        return true
    }

    private func readSubscriptionIdentifiers(of properties: OpaquePointer?) {
        subscriptionIdentifiers.removeAll(keepingCapacity: true)
        let property = Int32(MQTT_PROP_SUBSCRIPTION_IDENTIFIER.rawValue)
        var identifier: UInt32 = 0
        var found = mosquitto_property_read_varint(properties, property, &identifier, false)
        while let place = found {
            subscriptionIdentifiers.append(identifier)
            found = mosquitto_property_read_varint(place, property, &identifier, true)
        }
    }

    private func answered(_ code: Int32, _ flags: Int32, _ properties: OpaquePointer?) {
        callbacks += 1
        guard code == 0 else {
            signals.append(.refused(refusal(code, reasonString(in: properties))))
            return
        }
        func number16(_ property: mqtt5_property) -> Int? {
            var value: UInt16 = 0
            let found = mosquitto_property_read_int16(properties, Int32(property.rawValue), &value, false)
            return found == nil ? nil : Int(value)
        }
        var expiry: UInt32 = 0
        let hasExpiry =
            mosquitto_property_read_int32(
                properties, Int32(MQTT_PROP_SESSION_EXPIRY_INTERVAL.rawValue), &expiry, false) != nil
        var hasIdentifiers: UInt8 = 1
        mosquitto_property_read_byte(
            properties, Int32(MQTT_PROP_SUBSCRIPTION_ID_AVAILABLE.rawValue), &hasIdentifiers, false)
        takesIdentifiers = options.version == .mqtt5 && hasIdentifiers == 1
        var qos: UInt8 = 2
        mosquitto_property_read_byte(properties, Int32(MQTT_PROP_MAXIMUM_QOS.rawValue), &qos, false)
        signals.append(
            .accepted(
                BrokerEvent.Session(
                    at: receivedAt, isPresent: flags & 1 == 1,
                    serverReceiveMaximum: number16(MQTT_PROP_RECEIVE_MAXIMUM),
                    sessionExpiryGranted: hasExpiry ? .seconds(Int64(expiry)) : nil, maximumQoS: Int(qos),
                    serverKeepAlive: number16(MQTT_PROP_SERVER_KEEP_ALIVE).map { .seconds($0) },
                    hasSubscriptionIdentifiers: takesIdentifiers)))
    }

    private func refusal(_ code: Int32, _ detail: String?) -> BrokerError {
        let isV5 = code >= 128
        let text = String(cString: isV5 ? mosquitto_reason_string(code) : mosquitto_connack_string(code))
        let reason = detail.map { "\(text) (\($0))" } ?? text
        // 4 and 5 of MQTT 3.1.1, 3.2.2.3; mosquitto answers 5 to a wrong password as well.
        switch code {
        case 4, 5, Int32(MQTT_RC_BAD_USERNAME_OR_PASSWORD.rawValue), Int32(MQTT_RC_NOT_AUTHORIZED.rawValue):
            return .badCredentials(endpoint: options.endpoint, username: options.username, reason: reason)
        default: return .refused(endpoint: options.endpoint, reason: reason)
        }
    }

    private func reasonString(in properties: OpaquePointer?) -> String? {
        var text: UnsafeMutablePointer<CChar>?
        mosquitto_property_read_string(properties, Int32(MQTT_PROP_REASON_STRING.rawValue), &text, false)
        defer { free(text) }
        return text.map { String(cString: $0) }
    }

    // MARK: Helpers

    /// A QoS 0 publish that lay in the queue of a dead connection is gone; QoS 1 is sent again by the library.
    private func forgetUnconfirmedQoS0() {
        unconfirmed = unconfirmed.filter { $0.value.qos > 0 }
    }

    private func keep(libraryError text: String) {
        if libraryErrors.count < 8 { libraryErrors.append(text) }
        // The connection is there for as long as it complains.
        if options.tls != nil, certificateFault == nil { certificateFault = CertificateFault(of: handle) }
    }

    private func setUp(_ tls: BrokerOptions.TLSOptions) throws(BrokerError) {
        for file in [tls.caFile, tls.caPath, tls.certificateFile, tls.keyFile] {
            guard let file, access(file, R_OK) != 0 else { continue }
            throw .fileUnreadable(path: file, reason: String(cString: strerror(errno)))
        }
        var authorities: (file: String?, folder: String?) = (tls.caFile, tls.caPath)
        if tls.caFile == nil, tls.caPath == nil {
            guard let found = SystemAuthorities.find() else {
                throw .fileUnreadable(
                    path: "the authorities of the operating system",
                    reason:
                        "there are none (Debian's package ca-certificates has them); mqtt.tls.ca_file may name others")
            }
            authorities = found
        }
        try check(
            mosquitto_tls_set(handle, authorities.file, authorities.folder, tls.certificateFile, tls.keyFile, nil),
            "reading the TLS files")
        try check(mosquitto_tls_insecure_set(handle, !tls.verifiesHostname), "choosing host name verification")
    }

    private func check(_ code: Int32, _ operation: String) throws(BrokerError) {
        guard code != MOSQ_ERR_SUCCESS.rawValue else { return }
        throw .library(
            endpoint: options.endpoint, operation: operation, reason: String(cString: mosquitto_strerror(code)))
    }

    private func error(of code: Int32) -> BrokerError {
        let endpoint = options.endpoint
        switch code {
        case MOSQ_ERR_TLS.rawValue, MOSQ_ERR_TLS_HANDSHAKE.rawValue:
            let detail =
                libraryErrors.isEmpty
                ? String(cString: mosquitto_strerror(code)) : libraryErrors.joined(separator: "; ")
            return .tls(endpoint: endpoint, reason: detail, fault: certificateFault?.sentence)
        case MOSQ_ERR_EAI.rawValue:
            return .nameNotResolved(endpoint: endpoint, reason: String(cString: mosquitto_strerror(code)))
        case MOSQ_ERR_ERRNO.rawValue:
            return .connectionLost(endpoint: endpoint, reason: String(cString: strerror(errno)))
        case MOSQ_ERR_KEEPALIVE.rawValue:
            return .connectionLost(endpoint: endpoint, reason: "no answer to our keep-alive ping")
        case MOSQ_ERR_CONN_LOST.rawValue where libraryErrors.isEmpty:
            // Before 2.0.15 mosquitto gives no reason when a session is taken over, and none to MQTT 3.1.1 at all.
            let name = options.isClientIDSecret ? "with this gateway's client id" : "named '\(options.clientID)'"
            return .closedByBroker(
                endpoint: endpoint,
                reason: "the broker hung up; if it does so again and again, look for a second client \(name)")
        case Int32(MQTT_RC_SESSION_TAKEN_OVER.rawValue): return .takenOver(endpoint: endpoint)
        case 128...:
            return .connectionLost(
                endpoint: endpoint, reason: "the broker says: \(String(cString: mosquitto_reason_string(code)))")
        default:
            let detail = libraryErrors.isEmpty ? "" : " (\(libraryErrors.joined(separator: "; ")))"
            return .connectionLost(endpoint: endpoint, reason: String(cString: mosquitto_strerror(code)) + detail)
        }
    }
}
