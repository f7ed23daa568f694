import Glibc

/// Finds out whether anything listens at host and port, without blocking for longer than asked.
///
/// libmosquitto connects with a blocking `connect(2)`: to an address that swallows packets it would hold the ingest
/// thread for about two minutes, and absence alerts and the watchdog with it. The probe's connection is closed again
/// and the library connects only to what has just answered. The broker sees one short extra connection a reconnect.
/// Name resolution blocks as long as the resolver is configured to.
final class ReachabilityProbe {
    enum Outcome: Equatable {
        case pending
        case reached
        case failed(BrokerError)
    }

    private let endpoint: String
    private let deadline: ContinuousClock.Instant
    private let seconds: Int
    private var addresses: UnsafeMutablePointer<addrinfo>?
    private var next: UnsafeMutablePointer<addrinfo>?
    private var socket: Int32 = -1
    private var lastReason = "no address"

    init(host: String, port: Int, seconds: Int) throws(BrokerError) {
        endpoint = "\(host):\(port)"
        self.seconds = seconds
        deadline = ContinuousClock.now + .seconds(seconds)
        var hints = addrinfo()
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        let code = getaddrinfo(host, String(port), &hints, &addresses)
        guard code == 0, addresses != nil else {
            throw .nameNotResolved(endpoint: endpoint, reason: String(cString: gai_strerror(code)))
        }
        next = addresses
    }

    deinit {
        if socket >= 0 { close(socket) }
        if let addresses { freeaddrinfo(addresses) }
    }

    /// Waits at most `patience` for an answer; tries the addresses one after the other.
    func step(waiting patience: Duration) -> Outcome {
        if socket < 0 {
            guard let address = next else {
                return .failed(.unreachable(endpoint: endpoint, reason: lastReason))
            }
            next = address.pointee.ai_next
            socket = Glibc.socket(
                address.pointee.ai_family,
                address.pointee.ai_socktype | Int32(SOCK_NONBLOCK.rawValue) | Int32(SOCK_CLOEXEC.rawValue),
                address.pointee.ai_protocol)
            guard socket >= 0 else { return giveUpAddress(errno) }
            if connect(socket, address.pointee.ai_addr, address.pointee.ai_addrlen) == 0 { return .reached }
            guard errno == EINPROGRESS else { return giveUpAddress(errno) }
        }
        var entry = pollfd(fd: socket, events: Int16(POLLOUT), revents: 0)
        guard poll(&entry, 1, pollMilliseconds(patience)) > 0 else {
            guard ContinuousClock.now >= deadline else { return .pending }
            return .failed(.unreachable(endpoint: endpoint, reason: "no answer within \(seconds) s"))
        }
        var code: Int32 = 0
        var size = socklen_t(MemoryLayout<Int32>.size)
        getsockopt(socket, SOL_SOCKET, SO_ERROR, &code, &size)
        return code == 0 ? .reached : giveUpAddress(code)
    }

    private func giveUpAddress(_ code: Int32) -> Outcome {
        lastReason = String(cString: strerror(code))
        if socket >= 0 { close(socket) }
        socket = -1
        return next == nil ? .failed(.unreachable(endpoint: endpoint, reason: lastReason)) : .pending
    }
}

/// Whole milliseconds for `poll(2)`, rounded up so that a short wait does not become a spin; at most a minute.
func pollMilliseconds(_ patience: Duration) -> Int32 {
    guard patience > .zero else { return 0 }
    let (seconds, attoseconds) = patience.components
    guard seconds < 60 else { return 60_000 }
    return Int32(seconds * 1000 + (attoseconds + 999_999_999_999_999) / 1_000_000_000_000_000)
}
