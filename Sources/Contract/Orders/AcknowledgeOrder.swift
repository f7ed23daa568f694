/// Someone takes an alert on. The answer is the alert as it is then.
public struct AcknowledgeOrder: Order {
    package typealias Answer = AlertStoryAnswer
    package static let route = Route(.post, "alerts/:id/acknowledge", [.by, .note])
    package static let deed = "acknowledge an alert"

    /// As `AlertAnswer.id`.
    public var alert: Int64
    /// Who, at most `byBytesMax` and never empty.
    public var by: String
    /// What is being done, at most `noteBytesMax`.
    public var note: String

    /// Most bytes of `by`, in UTF-8.
    public static let byBytesMax = 128
    /// Most bytes of `note`, in UTF-8.
    public static let noteBytesMax = 1024

    package init(alert: Int64, by: String, note: String = "") {
        self.alert = alert
        self.by = by
        self.note = note
    }

    package init(_ form: Form) throws(Refusal) {
        alert = try form.id()
        by = form.text(.by) ?? ""
        note = form.text(.note) ?? ""
        guard (1...Self.byBytesMax).contains(by.utf8.count) else {
            throw .wrong("by: expected who acknowledges, 1 to \(Self.byBytesMax) bytes")
        }
        guard note.utf8.count <= Self.noteBytesMax else {
            throw .wrong("note: expected at most \(Self.noteBytesMax) bytes")
        }
    }

    package func write(to form: inout Form) {
        form.write(alert, as: .id)
        form.write(by, as: .by)
        form.write(note, as: .note)
    }
}

extension Parameter {
    fileprivate static let note = Parameter("note")
}
