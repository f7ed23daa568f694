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
        by = try form.person()
        note = try form.line(.note, bytesMax: Self.noteBytesMax) ?? ""
    }

    package func write(to form: inout Form) {
        form.write(alert, as: .id)
        form.write(by.isEmpty ? nil : by, as: .by)
        form.write(note.isEmpty ? nil : note, as: .note)
    }
}
