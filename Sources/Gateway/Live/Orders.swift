import API
import ConfigurationFiles
import Contract
import Decoding
import Logging
import Store
import Telemetry

/// An order as this gateway carries it out: what can be done beside the turn, then the rest between two turns.
protocol CarriedOut: Order {
    func carryOut(by gateway: LiveSource, for author: Author) async throws(Refusal) -> Answer
}

/// All of them. A new one is a line here and its extension below.
let carriedOutOrders: [any CarriedOut.Type] = [
    AcknowledgeOrder.self, AlertDeedOrder.self, SilenceOrder.self, EndSilenceOrder.self, ImportOrder.self,
    ReloadOrder.self, NotifyTestOrder.self,
]

extension ImportOrder: CarriedOut {
    func carryOut(by gateway: LiveSource, for author: Author) async throws(Refusal) -> ImportReceipt {
        try await commit { (readings) async throws(Refusal) in
            try await gateway.commit(readings, profile: profile, by: author.login)
        }
    }
}

extension ReloadOrder: CarriedOut {
    func carryOut(by gateway: LiveSource, for author: Author) async throws(Refusal) -> ReloadAnswer {
        gateway.log.notice("told to reload", metadata: ["by": "\(author.login)"])
        return try await gateway.reload()
    }
}

extension LiveSource {
    /// Reads profiles, rules and roster anew, and remembers why it did not.
    func reload() async throws(Refusal) -> ReloadAnswer {
        do throws(Refusal) {
            let read = try load()
            let files = try await betweenTurns { (loop, moment) throws(Refusal) in
                var files = read
                files.warnings += loop.emptied(by: files)
                try loop.reload(files, at: moment)
                return files
            }
            live.update {
                $0.refusedReload = nil
                $0.restartNeeded = files.restartNeeded.isEmpty ? nil : files.restartNeeded
            }
            return ReloadAnswer(
                profiles: files.catalog.profileNames.count, rules: files.rules.count, devices: files.roster.count,
                restartNeeded: files.restartNeeded, warnings: files.warnings.map { "\($0)" })
        } catch {
            live.update { $0.refusedReload = .init(at: doctor.now(), reason: "\(error)") }
            throw error
        }
    }
}
