public import Basics

/// Somebody does something about an alert, beside taking it on: a line of its story, with who, when and from where. The answer
/// is the alert as it is then.
public struct AlertDeedOrder: Order {
    package typealias Answer = AlertStoryAnswer
    package static let route = Route(.post, "alerts/:id/deeds", [.kind, .to, .lasting, .until, .by, .note])
    package static let deed = "do something about an alert"

    /// What is done.
    public enum Kind: String, CaseIterable, Sendable {
        /// `note` is kept.
        case comment
        /// It is given to somebody.
        case assign
        /// It is put aside: until then nobody is told of it, and nothing of it is forgotten.
        case shelve
        /// It is put aside no more.
        case unshelve
    }

    /// As `AlertAnswer.id`.
    public var alert: Int64
    /// What is done.
    public var kind: Kind
    /// To whom it is given, at most `AcknowledgeOrder.byBytesMax`; of `assign` alone.
    public var to: String
    /// Until when it is put aside; of `shelve` alone.
    public var end: SilenceEnd?
    /// As `AcknowledgeOrder.by`.
    public var by: String
    /// As `AcknowledgeOrder.note`; of a comment the comment.
    public var note: String

    package init(
        alert: Int64, kind: Kind, to: String = "", end: SilenceEnd? = nil, by: String = "", note: String = ""
    ) {
        self.alert = alert
        self.kind = kind
        self.to = to
        self.end = end
        self.by = by
        self.note = note
    }

    package init(_ form: Form) throws(Refusal) {
        alert = try form.id()
        guard let kind = try form.word(.kind, Kind.self) else {
            throw .wrong("kind: expected one of \(Kind.allCases.map(\.rawValue).joined(separator: ", "))")
        }
        self.kind = kind
        to = form.text(.to) ?? ""
        end = try SilenceEnd(form)
        by = try form.person()
        note = try form.line(.note, bytesMax: AcknowledgeOrder.noteBytesMax) ?? ""
        _ = try form.line(.to, bytesMax: AcknowledgeOrder.byBytesMax)
        if let sentence = mistake { throw .wrong(sentence) }
    }

    /// What is missing or too much; nil for nothing.
    package var mistake: String? {
        switch kind {
        case .comment where note.allSatisfy(\.isWhitespace): "note: expected what is to be kept"
        case .assign where to.allSatisfy(\.isWhitespace): "to: expected to whom the alert is given"
        case .shelve where end == nil: "for_ms, until: expected one of the two: nothing is put aside for ever"
        case .comment, .unshelve, .assign, .shelve:
            if kind != .assign, !to.isEmpty {
                "to: only an alert that is assigned is given to somebody"
            } else if kind != .shelve, end != nil {
                "for_ms, until: only an alert that is shelved has an end of that"
            } else {
                nil
            }
        }
    }

    package func write(to form: inout Form) {
        form.write(alert, as: .id)
        form.write(kind, as: .kind)
        form.write(to.isEmpty ? nil : to, as: .to)
        end?.write(to: &form)
        form.write(by.isEmpty ? nil : by, as: .by)
        form.write(note.isEmpty ? nil : note, as: .note)
    }
}

/// When a silence ends: at a moment that is named, or after a span.
public enum SilenceEnd: Hashable, Sendable {
    case at(Timestamp)
    /// At most `spanMax`.
    case after(Duration)

    /// Nothing is silent for longer in one go.
    public static let spanMax = Duration.seconds(366 * 86_400)

    /// `until` or `for_ms`; nil for neither. Throws `.wrong` for both, and for what is too long.
    init?(_ form: Form) throws(Refusal) {
        switch (try form.milliseconds(.lasting), try form.moment(.until)) {
        case (nil, nil): return nil
        case (.some, .some): throw .wrong("for_ms, until: expected one of the two")
        case (let span?, nil):
            guard span <= Self.spanMax else { throw .wrong("for_ms: expected at most 366 days") }
            self = .after(span)
        case (nil, let moment?): self = .at(moment)
        }
    }

    func write(to form: inout Form) {
        switch self {
        case .at(let moment): form.write(moment, as: .until)
        case .after(let span): form.write(span, as: .lasting)
        }
    }
}

extension Form {
    /// `by`: one line, or empty.
    func person() throws(Refusal) -> String {
        let by = try line(.by, bytesMax: AcknowledgeOrder.byBytesMax) ?? ""
        guard by.isEmpty || by.contains(where: { !$0.isWhitespace }) else {
            throw .wrong("by: expected a name, or nothing for the login alone")
        }
        return by
    }

    /// Throws `.wrong` for words that are too long, or that would steer the screen of whoever reads them.
    func line(_ parameter: Parameter, bytesMax: Int) throws(Refusal) -> String? {
        guard let text = text(parameter) else { return nil }
        guard text.utf8.count <= bytesMax else { throw .wrong("\(parameter): expected at most \(bytesMax) bytes") }
        guard !text.unicodeScalars.contains(where: \.isSteering) else {
            throw .wrong("\(parameter): expected one line without control characters")
        }
        return text
    }
}

extension Parameter {
    static let kind = Parameter("kind")
    static let to = Parameter("to")
    static let note = Parameter("note")
    static let lasting = Parameter("for_ms")
}
