import Basics
public import Telemetry

extension AlertBook {
    /// What the step's rule says that is to be done, filled in; nil where it says nothing, or is gone.
    public func runbook(of step: AlertTransition, _ registry: SeriesRegistry) -> String? {
        ruleIndex[ByteName(step.key.rule)].flatMap { rules[$0].runbook?.filled(step, selection.roster, registry) }
    }
}

/// What to do about an alert, as the rule's author wrote it, with places for what a step knows: `{name}`, `{value} {unit}`.
public struct Runbook: Equatable, Sendable {
    /// What a place stands for; the raw value is the word between the braces.
    public enum Place: String, CaseIterable, Sendable {
        /// What the alert is about, as people call it.
        case name
        /// Its title; nothing where it is about no single series.
        case quantity
        /// The value that decided, and the levels, as sentences have them; nothing where no value did.
        case value, unit, raise, clear
        /// Where the roster has its device, or the one circuit or area that it is about.
        case area, circuit
        case rule, severity
    }

    private enum Piece: Equatable, Sendable {
        case literal(String)
        case place(Place)
    }

    /// As it was written.
    public let text: String
    private let pieces: [Piece]

    /// Reads a text. A brace is a place's where nothing but small letters and `_` stand up to the next closing one.
    ///
    /// Throws the word of a place that there is not.
    package init(_ text: String) throws(UnknownPlace) {
        self.text = text
        var pieces: [Piece] = []
        var literal: [UInt8] = []
        func end() {
            if !literal.isEmpty { pieces.append(.literal(String(decoding: literal, as: UTF8.self))) }
            literal = []
        }
        let bytes = Array(text.utf8)
        var at = 0
        while at < bytes.count {
            guard bytes[at] == UInt8(ascii: "{"), let word = Self.word(bytes[(at + 1)...]) else {
                literal.append(bytes[at])
                at += 1
                continue
            }
            guard let place = Place(rawValue: word) else { throw UnknownPlace(word: word) }
            end()
            pieces.append(.place(place))
            at += word.utf8.count + 2
        }
        end()
        self.pieces = pieces
    }

    /// A word between braces that stands for nothing.
    package struct UnknownPlace: Error, Equatable {
        package let word: String
    }

    /// The word up to the next closing brace; nil where something else stands there.
    private static func word(_ bytes: ArraySlice<UInt8>) -> String? {
        let letters = bytes.prefix { ($0 >= 0x61 && $0 <= 0x7A) || $0 == UInt8(ascii: "_") }
        guard !letters.isEmpty, letters.endIndex < bytes.endIndex, bytes[letters.endIndex] == UInt8(ascii: "}") else {
            return nil
        }
        return String(decoding: letters, as: UTF8.self)
    }

    /// The text with every place filled in: of the step what it knows, of the roster where its subject is. A place of which
    /// nothing is known stands for nothing.
    public func filled(_ step: AlertTransition, _ roster: Roster, _ registry: SeriesRegistry) -> String {
        pieces.map { piece in
            switch piece {
            case .literal(let text): text
            case .place(let place): value(of: place, step, roster, registry) ?? ""
            }
        }.joined()
    }

    private func value(
        of place: Place, _ step: AlertTransition, _ roster: Roster, _ registry: SeriesRegistry
    ) -> String? {
        let subject = step.key.subject
        switch place {
        case .name: return subject.name(in: registry)
        case .quantity: return subject.series.map { registry.series[$0.index].quantity.definition.title }
        case .value: return step.meaning.figure(of: .value) ?? step.value.map { Anomaly.text($0) }
        case .unit: return step.meaning.unit(of: .value) ?? step.meaning.unit(of: .raise)
        case .raise: return step.meaning.figure(of: .raise)
        case .clear: return step.meaning.figure(of: .clear)
        case .rule: return step.key.rule
        case .severity: return step.severity.rawValue
        case .area: return roster.area(of: subject)
        case .circuit: return roster.circuit(of: subject)
        }
    }
}
