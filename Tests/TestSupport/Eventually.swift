import Glibc

/// Why a test cannot go on.
package struct Failure: Error, CustomStringConvertible {
    package let description: String

    package init(description: String) { self.description = description }
}

/// Waits until the condition holds, looking a hundred times a second or as often as it can, and at most so long.
package func eventually(_ what: String, seconds: Int = 30, _ condition: () throws -> Bool) throws {
    let patience = ContinuousClock.now + .seconds(seconds)
    repeat {
        if try condition() { return }
        usleep(10_000)
    } while ContinuousClock.now < patience
    throw Failure(description: "not within \(seconds) s: \(what)")
}

/// The same for a task, which gives its thread to others meanwhile.
package func waitUntil(_ what: String, seconds: Int = 30, _ condition: () throws -> Bool) async throws {
    let patience = ContinuousClock.now + .seconds(seconds)
    repeat {
        if try condition() { return }
        try await Task.sleep(for: .milliseconds(10))
    } while ContinuousClock.now < patience
    throw Failure(description: "not within \(seconds) s: \(what)")
}
