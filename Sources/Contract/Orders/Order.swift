/// What people command the running gateway. It is carried out by the ingest thread, between two turns.
///
/// A new order touches three files: its own beside this one, `Gateway/Live/Orders.swift` where it is carried out, and its
/// command in `OperatorCLI/Commands`. The way between them (URL, route, mailbox, refusals) is the same for all.
package protocol Order: Request {
    /// What there is to say when it is done.
    associatedtype Answer: Codable & Sendable

    /// As in "only the running gateway can acknowledge an alert".
    static var deed: String { get }

    /// Bytes of the body at most; 0 where there is none.
    static var bodyBytesMax: Int { get }

    /// What is sent behind the URL.
    var body: [UInt8] { get set }
}

extension Order {
    package static var bodyBytesMax: Int { 0 }

    package var body: [UInt8] {
        get { [] }
        set {}
    }
}
