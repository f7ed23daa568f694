import Basics

/// Someone takes an alert on. The answer is the alert as it is then.
public struct AcknowledgeOrder: Order {
    package typealias Answer = AlertStoryAnswer
    package static let route = Route(.post, "alerts/:id/acknowledge", [.by, .note])
    package static let deed = "acknowledge an alert"

    /// As `AlertAnswer.id`.
    public var alert: Int64
    /// Who of those that share the login, at most `byBytesMax`; empty where the login says it. The login itself is what the
    /// kernel says of the socket's other end.
    public var by: String
    /// What is being done, at most `noteBytesMax`.
    public var note: String

    /// Most bytes of `by`, in UTF-8.
    public static let byBytesMax = 128
    /// Most bytes of `note`, in UTF-8.
    public static let noteBytesMax = 1024

    package init(alert: Int64, by: String = "", note: String = "") {
        self.alert = alert
        self.by = by
        self.note = note
    }

    package init(_ form: Form) throws(Refusal) {
        alert = try form.id()
        by = form.text(.by) ?? ""
        note = form.text(.note) ?? ""
        try Self.check(by, .by, bytesMax: Self.byBytesMax)
        guard by.isEmpty || by.contains(where: { !$0.isWhitespace }) else {
            throw .wrong("by: expected a name, or nothing for the login alone")
        }
        try Self.check(note, .note, bytesMax: Self.noteBytesMax)
    }

    /// Throws `.wrong` for words that are too long, or that would steer the screen of whoever reads them.
    private static func check(_ text: String, _ parameter: Parameter, bytesMax: Int) throws(Refusal) {
        guard text.utf8.count <= bytesMax else { throw .wrong("\(parameter): expected at most \(bytesMax) bytes") }
        guard !text.unicodeScalars.contains(where: \.isSteering) else {
            throw .wrong("\(parameter): expected one line without control characters")
        }
    }

    package func write(to form: inout Form) {
        form.write(alert, as: .id)
        form.write(by.isEmpty ? nil : by, as: .by)
        form.write(note.isEmpty ? nil : note, as: .note)
    }
}

extension Parameter {
    fileprivate static let note = Parameter("note")
}
