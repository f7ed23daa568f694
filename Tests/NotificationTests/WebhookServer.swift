import Foundation
import Synchronization
import TestSupport

/// A web server on a free loopback port that answers as it is told, or does not. Ended with the value.
final class WebhookServer: Sendable {
    enum Manner: Sendable {
        /// These bytes, and on to the next request.
        case answers(String)
        /// These bytes, and the connection is closed.
        case closesAfter(String)
        /// Nothing, until the other side goes.
        case hangs
        /// These bytes, then one more every hundredth of a second, until the other side goes.
        case drips(String)
    }

    private struct State {
        var requests: [String] = []
        var connections: [Int32] = []
        var accepted = 0
        var isStopped = false
    }

    let port: Int
    private let listener: Int32
    private let manner: Manner
    private let state = Mutex(State())

    init(_ manner: Manner) throws {
        self.manner = manner
        let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        self.listener = listener
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let isBound = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(listener, $0, size) == 0 && getsockname(listener, $0, &size) == 0 && listen(listener, 64) == 0
            }
        }
        port = Int(UInt16(bigEndian: address.sin_port))
        guard isBound else { throw Failure(description: "no free port") }
        Thread.detachNewThread { [weak self] in
            while true {
                let connection = accept(listener, nil, nil)
                guard connection >= 0, let self else { return }
                self.state.withLock {
                    $0.accepted += 1
                    $0.connections.append(connection)
                }
                Thread.detachNewThread { self.serve(connection) }
            }
        }
    }

    /// Head and body of each, in the order in which they came.
    var requests: [String] { state.withLock { $0.requests } }
    var accepted: Int { state.withLock { $0.accepted } }

    func url(_ path: String = "/hook?key=s3cret") -> String { "http://127.0.0.1:\(port)\(path)" }

    func stop() {
        state.withLock { state in
            guard !state.isStopped else { return }
            state.isStopped = true
            shutdown(listener, Int32(SHUT_RDWR))
            for connection in state.connections { shutdown(connection, Int32(SHUT_RDWR)) }
        }
    }

    private func serve(_ connection: Int32) {
        // Its number may be another's as soon as it is closed.
        defer {
            state.withLock {
                $0.connections.removeAll { $0 == connection }
                close(connection)
            }
        }
        while let request = read(connection) {
            state.withLock { $0.requests.append(request) }
            switch manner {
            case .answers(let text): guard send(text, connection) else { return }
            case .closesAfter(let text):
                _ = send(text, connection)
                return
            case .hangs: break
            case .drips(let text):
                guard send(text, connection) else { return }
                while send("x", connection) { usleep(10_000) }
                return
            }
        }
    }

    private func send(_ text: String, _ connection: Int32) -> Bool {
        let bytes = Array(text.utf8)
        var sent = 0
        while sent < bytes.count {
            let count = bytes.withUnsafeBytes {
                Foundation.send(connection, $0.baseAddress! + sent, $0.count - sent, Int32(MSG_NOSIGNAL))
            }
            guard count > 0 else { return false }
            sent += count
        }
        return true
    }

    /// The next request; nil where the other side has gone.
    private func read(_ connection: Int32) -> String? {
        var bytes: [UInt8] = []
        var piece = [UInt8](repeating: 0, count: 65_536)
        while true {
            let text = String(decoding: bytes, as: UTF8.self)
            if let end = text.range(of: "\r\n\r\n") {
                let head = text[..<end.lowerBound].lowercased()
                let length = head.components(separatedBy: "content-length: ").dropFirst().first.flatMap {
                    Int($0.prefix { $0.isNumber })
                }
                if text[end.upperBound...].utf8.count >= length ?? 0 { return text }
            }
            let count = piece.withUnsafeMutableBytes { recv(connection, $0.baseAddress, $0.count, 0) }
            guard count > 0 else { return nil }
            bytes += piece[..<count]
        }
    }
}
