import Telemetry

/// A mail server, and who is written to.
public struct EmailOptions: Sendable {
    /// What of the way to the server nobody else can read.
    public enum Protection: Hashable, Sendable {
        /// Asked for after the greeting, and nothing is sent without (RFC 3207).
        case startTLS
        /// From the first byte on (RFC 8314).
        case tls
        /// Nothing.
        case none
    }

    /// Name or address.
    public var host: String
    /// 1 to 65535.
    public var port: Int
    /// Of the way to it; certificates are verified in any case.
    public var protection: Protection
    /// The account there; nil for none.
    public var account: (username: String, password: String)?
    /// PEM of the authorities that are believed; nil for the system's.
    public var caFile: String?
    /// An address without quotation marks.
    public var from: String
    /// At least one.
    public var to: [String]
    /// For a connection.
    public var connectMax: Duration = .seconds(10)
    /// For all of one mail.
    public var timeLimit: Duration = .seconds(30)

    package init(
        host: String, port: Int, protection: Protection, account: (username: String, password: String)? = nil,
        caFile: String? = nil, from: String, to: [String]
    ) {
        self.host = host
        self.port = port
        self.protection = protection
        self.account = account
        self.caFile = caFile
        self.from = from
        self.to = to
    }
}

/// Sends each notice as a mail, one after the other. Delivered is what the server has taken.
public final class EmailChannel: NotificationChannel {
    /// As configured.
    public let name: String
    /// 1: mails keep their order.
    public let width = 1
    /// libcurl's own limits end it: the lane's clock stands still while its thread is in libcurl.
    public let timeLimit: Duration? = nil
    private let options: EmailOptions

    /// Connects to nobody before the first notice.
    public init(name: String, _ options: EmailOptions) {
        self.name = name
        self.options = options
    }

    /// Blocks the lane's thread until the server has answered, at most `timeLimit`.
    ///
    /// An address that the server refuses holds up none of the others; where it refuses all it has failed.
    public func deliver(_ notice: AlertNotice) async -> Delivery {
        let message = MailMessage(notice: notice, from: options.from, to: options.to)
        return MailTransfer.send(message.text, options)
    }
}
