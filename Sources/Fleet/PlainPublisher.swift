import Glibc

/// What stops a publisher.
package enum PublisherError: Error, Equatable, Sendable, CustomStringConvertible {
    case notConnected(endpoint: String, reason: String)
    case refused(endpoint: String, code: Int)
    case lost(endpoint: String, reason: String)
    case silent(endpoint: String, seconds: Int)
    case unexpectedPacket(endpoint: String, type: Int)

    /// A sentence that names the endpoint and what it did.
    package var description: String {
        switch self {
        case .notConnected(let endpoint, let reason): "fleet: no connection to \(endpoint): \(reason)"
        case .refused(let endpoint, let code):
            "fleet: \(endpoint) refuses the connection with code \(code) of MQTT 3.1.1, 3.2.2.3; "
                + "4 and 5 mean user name and password"
        case .lost(let endpoint, let reason): "fleet: connection to \(endpoint) lost: \(reason)"
        case .silent(let endpoint, let seconds): "fleet: \(endpoint) took and said nothing for \(seconds) s"
        case .unexpectedPacket(let endpoint, let type):
            "fleet: \(endpoint) sent packet type \(type); expected PUBACK (4) or PINGRESP (13)"
        }
    }
}

/// A publisher over a bare TCP socket, MQTT 3.1.1, QoS 0 and 1: what a load generator needs and nothing else.
///
/// It exists because the generator shares its processor with the broker and the gateway it loads: many packets leave in
/// one system call and many PUBACKs are read by one, where libmosquitto spends several calls on each.
///
/// Source of the packet forms: MQTT Version 3.1.1, OASIS Standard (2014), sections 2.2.3, 3.1, 3.3 and 3.4.
package final class PlainPublisher {
    private static let chunkBytes = 65_536
    private static let silenceSecondsMax = 30

    private let endpoint: String
    private let socket: Int32
    /// Packets not yet taken by the kernel are `output[written...]`.
    private var output: [UInt8] = []
    private var written = 0
    /// Half a packet, left from the last read.
    private var input: [UInt8] = []
    private var scratch = [UInt8](repeating: 0, count: 65_536)
    /// What a packet identifier stands for; `nil` where it is free. Identifier 0 is not used.
    private var inFlight = [UInt64?](repeating: nil, count: 65_536)
    private var nextID = 1
    /// QoS 1 messages sent and not yet confirmed.
    package private(set) var inFlightCount = 0
    private var pingsOpen = 0

    /// Connects with a clean session and waits for the answer, at most 10 s.
    package init(host: String, port: Int, clientID: String, username: String? = nil, password: String? = nil)
        throws(PublisherError)
    {
        let endpoint = "\(host):\(port)"
        self.endpoint = endpoint
        var hints = addrinfo()
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        var list: UnsafeMutablePointer<addrinfo>?
        let code = getaddrinfo(host, String(port), &hints, &list)
        guard code == 0 else {
            throw .notConnected(endpoint: endpoint, reason: String(cString: gai_strerror(code)))
        }
        defer { freeaddrinfo(list) }
        var found: Int32 = -1
        var reason = "no address"
        var address = list
        while found < 0, let candidate = address {
            found = Glibc.socket(
                candidate.pointee.ai_family, candidate.pointee.ai_socktype | Int32(SOCK_CLOEXEC.rawValue), 0)
            if found >= 0, connect(found, candidate.pointee.ai_addr, candidate.pointee.ai_addrlen) != 0 {
                reason = String(cString: strerror(errno))
                close(found)
                found = -1
            }
            address = candidate.pointee.ai_next
        }
        guard found >= 0 else { throw .notConnected(endpoint: endpoint, reason: reason) }
        socket = found
        var on: Int32 = 1
        setsockopt(socket, Int32(IPPROTO_TCP), TCP_NODELAY, &on, socklen_t(MemoryLayout<Int32>.size))
        appendConnect(clientID: clientID, username: username, password: password)
        while written < output.count { try pump(waitingMilliseconds: 100) }
        for _ in 0..<100 where input.count < 4 { try receive(waitingMilliseconds: 100) { _ in } }
        guard input.count >= 4, input[0] == 0x20, input[1] == 2 else {
            throw .silent(endpoint: endpoint, seconds: 10)
        }
        guard input[3] == 0 else { throw .refused(endpoint: endpoint, code: Int(input[3])) }
        input.removeFirst(4)
        hasAnswered = true
    }

    private var hasAnswered = false

    deinit { close(socket) }

    /// Bytes queued and not yet taken by the kernel.
    package var queuedByteCount: Int { output.count - written }

    /// Queues one PUBLISH. With QoS 1 `mark` is given back by `receive` when the broker has acknowledged it.
    ///
    /// At most 65,000 may be in flight.
    @inline(__always)
    package func queue(topic: UnsafeRawBufferPointer, payload: UnsafeRawBufferPointer, qos: Int, mark: UInt64) {
        output.append(qos == 0 ? 0x30 : 0x32)
        appendLength(2 + topic.count + (qos == 0 ? 0 : 2) + payload.count)
        output.append(UInt8(truncatingIfNeeded: topic.count >> 8))
        output.append(UInt8(truncatingIfNeeded: topic.count))
        output.append(contentsOf: topic)
        if qos > 0 {
            precondition(inFlightCount < 65_000, "fleet: more than 65,000 messages in flight")
            // Acknowledgements come nearly in order, so the next identifier is nearly always free.
            while inFlight[nextID] != nil { nextID = nextID == 65_535 ? 1 : nextID + 1 }
            inFlight[nextID] = mark
            inFlightCount += 1
            output.append(UInt8(truncatingIfNeeded: nextID >> 8))
            output.append(UInt8(truncatingIfNeeded: nextID))
            nextID = nextID == 65_535 ? 1 : nextID + 1
        }
        output.append(contentsOf: payload)
    }

    /// Gives the kernel what is queued, waiting at most so long for room. Reads nothing.
    package func pump(waitingMilliseconds: Int32) throws(PublisherError) {
        while written < output.count {
            let count = output.withUnsafeBytes { bytes in
                send(socket, bytes.baseAddress! + written, bytes.count - written, Int32(MSG_NOSIGNAL | MSG_DONTWAIT))
            }
            if count > 0 {
                written += count
            } else if errno == EAGAIN || errno == EINTR {
                var entry = pollfd(fd: socket, events: Int16(POLLOUT), revents: 0)
                if poll(&entry, 1, waitingMilliseconds) <= 0 { return }
            } else {
                throw .lost(endpoint: endpoint, reason: String(cString: strerror(errno)))
            }
        }
        output.removeAll(keepingCapacity: true)
        written = 0
    }

    /// Reads acknowledgements, waiting at most so long for the first, and gives the mark of each to `acknowledged`.
    package func receive(waitingMilliseconds: Int32, _ acknowledged: (UInt64) -> Void) throws(PublisherError) {
        var entry = pollfd(fd: socket, events: Int16(POLLIN), revents: 0)
        guard poll(&entry, 1, waitingMilliseconds) > 0 else { return }
        let count = recv(socket, &scratch, scratch.count, Int32(MSG_DONTWAIT))
        if count == 0 { throw .lost(endpoint: endpoint, reason: "the broker hung up") }
        if count < 0 {
            if errno == EAGAIN || errno == EINTR { return }
            throw .lost(endpoint: endpoint, reason: String(cString: strerror(errno)))
        }
        input.append(contentsOf: scratch[0..<count])
        guard hasAnswered else { return }
        var at = 0
        while at + 2 <= input.count {
            let type = Int(input[at] >> 4)
            let length = Int(input[at + 1])
            guard at + 2 + length <= input.count else { break }
            switch (type, length) {
            case (4, 2):
                let id = Int(input[at + 2]) << 8 | Int(input[at + 3])
                if let mark = inFlight[id] {
                    inFlight[id] = nil
                    inFlightCount -= 1
                    acknowledged(mark)
                }
            case (13, 0): pingsOpen -= 1
            default: throw .unexpectedPacket(endpoint: endpoint, type: type)
            }
            at += 2 + length
        }
        input.removeFirst(at)
    }

    /// Writes what is queued, waits until the broker has acknowledged or at least read all of it, and says goodbye.
    package func finish(_ acknowledged: (UInt64) -> Void) throws(PublisherError) {
        // A PINGRESP comes behind everything before the PINGREQ: the only receipt QoS 0 has.
        output.append(contentsOf: [0xC0, 0])
        pingsOpen += 1
        var silentSince = ContinuousClock.now
        while pingsOpen > 0 || inFlightCount > 0 {
            let before = (queuedByteCount, inFlightCount)
            try pump(waitingMilliseconds: 10)
            try receive(waitingMilliseconds: 10, acknowledged)
            if before != (queuedByteCount, inFlightCount) { silentSince = .now }
            guard ContinuousClock.now - silentSince < .seconds(Self.silenceSecondsMax) else {
                throw .silent(endpoint: endpoint, seconds: Self.silenceSecondsMax)
            }
        }
        output.append(contentsOf: [0xE0, 0])
        try pump(waitingMilliseconds: 1000)
    }

    private func appendConnect(clientID: String, username: String?, password: String?) {
        var body: [UInt8] = [0, 4, 0x4D, 0x51, 0x54, 0x54, 4]
        body.append(2 | (username == nil ? 0 : 0x80) | (password == nil ? 0 : 0x40))
        // No keep-alive: a paused load must not be hung up on.
        body += [0, 0]
        for text in [clientID, username, password].compactMap(\.self) {
            let bytes = Array(text.utf8)
            body += [UInt8(truncatingIfNeeded: bytes.count >> 8), UInt8(truncatingIfNeeded: bytes.count)] + bytes
        }
        output.append(0x10)
        appendLength(body.count)
        output += body
    }

    @inline(__always)
    private func appendLength(_ length: Int) {
        var rest = length
        while rest > 127 {
            output.append(UInt8(truncatingIfNeeded: rest & 127) | 128)
            rest >>= 7
        }
        output.append(UInt8(truncatingIfNeeded: rest))
    }
}
