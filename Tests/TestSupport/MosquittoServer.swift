package import Foundation

/// A private mosquitto on a free loopback port, in a directory of its own, ended by its process id.
///
/// Owned by one test. `persistence` is off unless the given lines turn it on; `directory` is where it may write.
package final class MosquittoServer {
    package struct Failure: Error, CustomStringConvertible {
        package let description: String

        package init(description: String) { self.description = description }
    }

    package let port: Int
    package let directory: URL
    private let program: String
    private var process: ChildProcess?

    /// Where the program is, or nil where this machine has none.
    package static var program: String? {
        ["/usr/sbin/mosquitto", "/usr/local/sbin/mosquitto", "/usr/bin/mosquitto", "/usr/local/bin/mosquitto"]
            .first { FileManager.default.isExecutableFile(atPath: $0) }
    }

    /// Whether tests that need the broker should run. On a build server they always do, and fail where it is missing:
    /// a skipped proof must not look like a passed one.
    package static var isExpected: Bool { program != nil || ProcessInfo.processInfo.environment["CI"] != nil }

    /// Starts a broker; `lines` are added to its configuration, in which `DIRECTORY` stands for its directory.
    /// `listener` replaces the plain listener, for TLS; `PORT` in it stands for the port.
    package init(_ lines: [String] = [], listener: [String] = ["listener PORT 127.0.0.1", "allow_anonymous true"])
        throws
    {
        guard let program = Self.program else {
            throw Failure(description: "mosquitto is not installed; these tests need a real broker")
        }
        self.program = program
        port = try Self.freePort()
        directory = FileManager.default.temporaryDirectory.appending(path: "baotu-broker-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        // Started by root, mosquitto gives its rights up for another user unless told who it is.
        var text = "user \(NSUserName())\n"
        for line in listener + lines {
            text += line.replacing("PORT", with: String(port)).replacing("DIRECTORY", with: directory.path) + "\n"
        }
        try text.write(to: directory.appending(path: "mosquitto.conf"), atomically: true, encoding: .utf8)
    }

    deinit {
        kill()
        try? FileManager.default.removeItem(at: directory)
    }

    /// A persistent store that is written when the broker ends; lines for `init`.
    package static let persistent = [
        "persistence true", "persistence_location DIRECTORY/", "autosave_interval 1", "autosave_on_changes true",
    ]

    /// Writes a file into the broker's directory and returns its path.
    @discardableResult
    package func write(_ text: String, to name: String) throws -> String {
        let url = directory.appending(path: name)
        try text.write(to: url, atomically: true, encoding: .utf8)
        return url.path
    }

    /// Starts the process and waits until the port accepts, at most ten seconds.
    package func start() throws {
        let process = try ChildProcess(
            program, ["-c", directory.appending(path: "mosquitto.conf").path],
            output: directory.appending(path: "mosquitto.log").path)
        self.process = process
        for _ in 0..<1000 {
            if !process.isRunning { break }
            if Self.accepts(port) { return }
            usleep(10_000)
        }
        kill()
        throw Failure(description: "mosquitto did not accept on port \(port): \(logText)")
    }

    /// Ends the process as an operator would, so that it writes its store.
    package func stop() {
        process?.end(with: SIGTERM)
        process = nil
    }

    /// Asks it to write its store now; it does so a moment later.
    package func save() { process?.signal(SIGUSR1) }

    /// kill -9.
    package func kill() {
        process?.end(with: SIGKILL)
        process = nil
    }

    package var logText: String {
        (try? String(contentsOf: directory.appending(path: "mosquitto.log"), encoding: .utf8)) ?? ""
    }

    /// A port that was free a moment ago.
    package static func freePort() throws -> Int { try SilentListener().port }

    private static func accepts(_ port: Int) -> Bool {
        let socket = Foundation.socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(socket) }
        var address = loopback(port: port)
        return withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(socket, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
            }
        }
    }
}

/// A loopback port whose connections the kernel accepts and nobody answers.
package final class SilentListener {
    package let port: Int
    private let socket: Int32

    package init() throws {
        let socket = Foundation.socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        self.socket = socket
        var address = loopback(port: 0)
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let isBound = withUnsafeMutablePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(socket, $0, size) == 0 && getsockname(socket, $0, &size) == 0 && listen(socket, 8) == 0
            }
        }
        port = Int(UInt16(bigEndian: address.sin_port))
        guard isBound else { throw MosquittoServer.Failure(description: "no free port on loopback") }
    }

    deinit { close(socket) }
}

private func loopback(port: Int) -> sockaddr_in {
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = in_port_t(port).bigEndian
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    return address
}
