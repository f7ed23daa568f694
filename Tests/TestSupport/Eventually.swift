import Glibc

/// Why a test cannot go on.
package struct Failure: Error, CustomStringConvertible {
    package let description: String

    package init(description: String) { self.description = description }
}

/// Looks a second, where the machine has time for them.
private let looksASecond = 100

/// Waits until the condition holds, looking a hundred times a second or as often as it can, and at most so many
/// seconds' looks. Looks are counted and not the clock read: who is kept from looking has not looked in vain.
package func eventually(_ what: String, seconds: Int = 30, _ condition: () throws -> Bool) throws {
    for _ in 0..<seconds * looksASecond {
        if try condition() { return }
        usleep(10_000)
    }
    throw Failure(description: "not in \(seconds * looksASecond) looks: \(what)")
}

/// The same for a task, which gives its thread to others meanwhile.
package func waitUntil(
    _ what: String, seconds: Int = 30, _ condition: () async throws -> Bool
) async throws {
    for _ in 0..<seconds * looksASecond {
        if try await condition() { return }
        try await Task.sleep(for: .milliseconds(10))
    }
    throw Failure(description: "not in \(seconds * looksASecond) looks: \(what)")
}
