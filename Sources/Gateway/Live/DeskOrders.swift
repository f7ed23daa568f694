import Alerting
import API
import Basics
import Contract
import Decoding
import Desk
import Logging
import Pipeline
import Store
import Telemetry

extension AcknowledgeOrder: CarriedOut {
    func carryOut(by gateway: LiveSource, for author: Author) async throws(Refusal) -> AlertStoryAnswer {
        let by = author.signed(by)
        return try await gateway.story(ofAlert: alert) { [alert, note] (loop, moment) throws(StoreError) in
            try loop.journal.add(
                .init(.acknowledged, at: moment.wall, by: by, note: note, origin: LiveSource.origin), toAlert: alert)
            try loop.noteTaken(alert, at: moment)
            loop.log.notice("alert acknowledged", metadata: ["alert": "\(alert)", "by": "\(by)"])
        }
    }
}

extension AlertDeedOrder: CarriedOut {
    func carryOut(by gateway: LiveSource, for author: Author) async throws(Refusal) -> AlertStoryAnswer {
        let by = author.signed(by)
        return try await gateway.story(ofAlert: alert) { (loop, moment) throws(StoreError) in
            func deed(_ kind: IncidentDeed.Kind, target: String = "") -> Journal.Deed {
                .init(kind, at: moment.wall, by: by, note: note, target: target, origin: LiveSource.origin)
            }
            switch kind {
            case .comment: try loop.journal.add(deed(.comment), toAlert: alert)
            case .assign: try loop.journal.add(deed(.assigned, target: to), toAlert: alert)
            case .shelve:
                guard let key = try loop.journal.key(ofAlert: alert) else { throw .noSuchAlert(id: alert) }
                guard loop.pipeline.book.active[key] != nil else { throw .alertIsOver(id: alert) }
                let silence = try Silence(.init(alert: key), nil, end, by: by, reason: note, at: moment)
                _ = try loop.journal.add(
                    silence, alert: alert, with: deed(.shelved, target: "\(silence.ends)"), at: moment.wall)
                try loop.readSilences(at: moment)
            case .unshelve:
                guard try loop.journal.unshelve(alert, with: deed(.unshelved), at: moment) else {
                    throw .notShelved(id: alert)
                }
                try loop.readSilences(at: moment)
            }
            loop.log.notice("alert \(kind.rawValue)", metadata: ["alert": "\(alert)", "by": "\(by)", "to": "\(to)"])
        }
    }
}

extension SilenceOrder: CarriedOut {
    func carryOut(by gateway: LiveSource, for author: Author) async throws(Refusal) -> SilenceAnswer {
        let by = author.signed(by)
        let (id, moment) = try await gateway.betweenTurns { (loop, moment) throws(Refusal) in
            try loop.check(selection)
            do throws(StoreError) {
                let silence = try Silence(
                    .init(selection), begins, end, by: by, reason: reason, at: moment)
                let id = try loop.journal.add(silence, at: moment.wall)
                try loop.readSilences(at: moment)
                loop.log.notice("silenced", metadata: ["silence": "\(id)", "by": "\(by)", "until": "\(silence.ends)"])
                return (id, moment)
            } catch {
                throw .store(error)
            }
        }
        return try await gateway.read { archive throws(StoreError) in try archive.silence(id, at: moment.wall) }
    }
}

extension EndSilenceOrder: CarriedOut {
    func carryOut(by gateway: LiveSource, for author: Author) async throws(Refusal) -> SilenceAnswer {
        let by = author.signed(by)
        let moment = try await gateway.betweenTurns { (loop, moment) throws(Refusal) in
            do throws(StoreError) {
                try loop.journal.endSilence(silence, by: by, at: moment)
                try loop.readSilences(at: moment)
            } catch {
                throw .store(error)
            }
            loop.log.notice("silence ended", metadata: ["silence": "\(silence)", "by": "\(by)"])
            return moment
        }
        return try await gateway.read { [silence] archive throws(StoreError) in
            try archive.silence(silence, at: moment.wall)
        }
    }
}

extension LiveSource {
    /// From where orders come.
    static let origin = "socket"

    /// Has something done about an alert between two turns, and answers with its story.
    fileprivate func story(
        ofAlert alert: Int64, _ work: @escaping @Sendable (IngestLoop, Moment) throws(StoreError) -> Void
    ) async throws(Refusal) -> AlertStoryAnswer {
        try await betweenTurns { (loop, moment) throws(Refusal) in
            do throws(StoreError) {
                try work(loop, moment)
            } catch {
                throw .store(error)
            }
        }
        return try await read { archive throws(StoreError) in try archive.alert(alert) }
    }
}

extension Silence {
    /// From `begins` or now to `end`. Throws where that is over already.
    fileprivate init(
        _ selection: Selection, _ begins: Timestamp?, _ end: SilenceEnd?, by: String, reason: String, at now: Moment
    ) throws(StoreError) {
        var (ends, steady): (Timestamp, SteadyTime?) = (now.wall, nil)
        switch end {
        case .at(let moment): ends = moment
        case .after(let span): (ends, steady) = (now.wall + span, now.steady + span)
        case nil: break
        }
        guard ends > now.wall else { throw .endsInPast(ends) }
        self.init(
            id: 0, selection: selection, begins: begins ?? now.wall, ends: ends, endsSteady: steady, by: by,
            reason: reason)
    }
}

extension IngestLoop {
    /// Throws `.notFound` for a rule, device, profile, area or circuit that there is not: a silence with a slip silences nobody.
    func check(_ selection: SilenceSelection) throws(Refusal) {
        let (registry, lines) = (journal.registry, pipeline.roster.lines.values)
        func check(_ what: String, _ word: String?, _ known: @autoclosure () -> [String]) throws(Refusal) {
            guard let word else { return }
            let (pattern, names) = (NamePattern(word), known())
            guard !names.contains(where: { pattern.matches($0) }) else { return }
            let hint = nearest(to: word, in: names).map { "; did you mean '\($0)'?" } ?? ""
            throw .notFound("there is no \(what) '\(word)'\(hint)")
        }
        try check("rule", selection.rule, pipeline.book.rules.map(\.name))
        try check("device", selection.device, registry.devices.map(\.name))
        try check("profile", selection.profile, decoder.catalog.profileNames)
        try check("area", selection.area, lines.map(\.entry.area))
        try check("circuit", selection.circuit, lines.map(\.entry.circuit))
        guard let (name, value) = selection.label.flatMap({ SilenceSelection.split($0) }) else { return }
        try check("label", name, lines.flatMap { $0.entry.labels.keys })
        try check("value of the label \(name)", value, lines.compactMap { $0.entry.labels[name] })
    }
}
