import API
import ConfigurationFiles
import Contract
import Decoding
import Logging
import Store
import Telemetry

/// An order as this gateway carries it out: what can be done beside the turn, then the rest between two turns.
protocol CarriedOut: Order {
    func carryOut(by gateway: LiveSource) async throws(Refusal) -> Answer
}

/// All of them. A new one is a line here and its extension below.
let carriedOutOrders: [any CarriedOut.Type] = [AcknowledgeOrder.self, ImportOrder.self, ReloadOrder.self]

extension AcknowledgeOrder: CarriedOut {
    func carryOut(by gateway: LiveSource) async throws(Refusal) -> AlertStoryAnswer {
        try await gateway.betweenTurns { (loop, moment) throws(Refusal) in
            do throws(StoreError) {
                try loop.journal.acknowledgeAlert(alert, by: by, note: note, at: moment.wall)
            } catch {
                throw .store(error)
            }
            loop.log.notice("alert acknowledged", metadata: ["alert": "\(alert)", "by": "\(by)"])
        }
        return try await gateway.read { [alert] archive throws(StoreError) in try archive.alert(alert) }
    }
}

extension ImportOrder: CarriedOut {
    func carryOut(by gateway: LiveSource) async throws(Refusal) -> ImportReceipt {
        try await commit { (readings) async throws(Refusal) in try await gateway.commit(readings, profile: profile) }
    }
}

extension ReloadOrder: CarriedOut {
    func carryOut(by gateway: LiveSource) async throws(Refusal) -> ReloadAnswer {
        do throws(Refusal) {
            let read = try gateway.load()
            let files = try await gateway.betweenTurns { (loop, moment) throws(Refusal) in
                var files = read
                files.warnings += loop.emptied(by: files)
                try loop.reload(files, at: moment)
                return files
            }
            gateway.live.update {
                $0.refusedReload = nil
                $0.restartNeeded = files.restartNeeded.isEmpty ? nil : files.restartNeeded
            }
            return ReloadAnswer(
                profiles: files.catalog.profileNames.count, rules: files.rules.count, devices: files.roster.count,
                restartNeeded: files.restartNeeded, warnings: files.warnings.map { "\($0)" })
        } catch {
            gateway.live.update { $0.refusedReload = .init(at: gateway.doctor.now(), reason: "\(error)") }
            throw error
        }
    }
}
