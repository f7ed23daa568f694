import AsyncHTTPClient
import Basics
import Glibc
import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL

/// Where a webhook is, and how it is spoken to.
public struct WebhookOptions: Sendable {
    /// With its scheme, `http` or `https`; it may hold a secret, and is told to nobody.
    public var url: String
    /// Of the body.
    public var format: NoticeFormat
    /// Name and value, beside the content type.
    public var headers: [(name: String, value: String)]
    /// What an answer has to contain, for services that say 200 and then why not; nil: the status alone counts.
    public var answerContains: String?
    /// PEM of the authorities that are believed; nil for the system's.
    public var caFile: String?
    /// For all of one attempt.
    public var timeLimit: Duration

    package init(
        url: String, format: NoticeFormat, headers: [(name: String, value: String)] = [],
        answerContains: String? = nil, caFile: String? = nil, timeLimit: Duration = .seconds(30)
    ) {
        self.url = url
        self.format = format
        self.headers = headers
        self.answerContains = answerContains
        self.caFile = caFile
        self.timeLimit = timeLimit
    }
}

/// Posts the notice to a URL. Delivered is what was answered with 2xx; nothing else is followed or believed.
public final class WebhookChannel: NotificationChannel {
    /// As configured.
    public let name: String
    /// `WebhookOptions.timeLimit`.
    public var timeLimit: Duration? { options.timeLimit }
    private let options: WebhookOptions
    private let client: HTTPClient

    /// An answer is read no further.
    static let answerBytesMax = 65_536

    /// Connects to nobody before the first notice.
    public init(name: String, _ options: WebhookOptions) {
        self.name = name
        self.options = options
        var configuration = HTTPClient.Configuration()
        configuration.redirectConfiguration = .disallow
        configuration.timeout.connect = .seconds(10)
        // The outbox tries again, and says so; the client would do it unseen until the time is over.
        configuration.connectionPool.retryConnectionEstablishment = false
        configuration.httpVersion = .http1Only
        if let file = options.caFile {
            var tls = TLSConfiguration.makeClientConfiguration()
            tls.trustRoots = .file(file)
            configuration.tlsConfiguration = tls
        }
        client = HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
    }

    deinit {
        // Who has closed it already is told so, and nobody else.
        client.shutdown { _ in }
    }

    /// Gives the connections back.
    public func close() async { try? await client.shutdown() }

    /// Posts it, and reads the answer. A 2xx is the answer: what is amiss behind it would tell people twice.
    public func deliver(_ notice: AlertNotice) async -> Delivery {
        var request = HTTPClientRequest(url: options.url)
        request.method = .POST
        request.headers.replaceOrAdd(name: "Content-Type", value: options.format.contentType)
        request.headers.replaceOrAdd(name: "User-Agent", value: "baotu")
        for (name, value) in options.headers { request.headers.replaceOrAdd(name: name, value: value) }
        request.body = .bytes(ByteBuffer(string: options.format.body(notice)))
        let response: HTTPClientResponse
        do {
            response = try await client.execute(
                request, timeout: .milliseconds(max(1, options.timeLimit.milliseconds)))
        } catch {
            return .failed(reason: Self.sentence(error))
        }
        let answer = await Self.beginning(of: response)
        return outcome(response, answer)
    }

    /// As much of the answer as comes, at most `answerBytesMax`. An answer that does not end is cut by the lane.
    private static func beginning(of response: HTTPClientResponse) async -> [UInt8] {
        var bytes: [UInt8] = []
        do {
            for try await piece in response.body {
                bytes += piece.readableBytesView.prefix(answerBytesMax - bytes.count)
                if bytes.count >= answerBytesMax { break }
            }
        } catch {
            // What came before counts; the status says the rest.
        }
        return bytes
    }

    private func outcome(_ response: HTTPClientResponse, _ answer: [UInt8]) -> Delivery {
        let code = response.status.code
        let told = firstLine(answer).map { ": \($0)" } ?? ""
        switch code {
        case 200..<300:
            guard let wanted = options.answerContains else { return .delivered }
            if String(decoding: answer, as: UTF8.self).utf8Contains(wanted) { return .delivered }
            return .failed(reason: "the answer \(code) does not contain \(plainLine(wanted))\(told)")
        case 300..<400:
            // The address alone: what stands behind it may be a secret that the first one had.
            let place = response.headers.first(name: "Location").map {
                " to " + plainLine(String($0.prefix { $0 != "?" }), bytesMax: 200)
            }
            return .failed(
                reason: "the answer \(code) sends on\(place ?? ""), and notices follow nobody: configure the right url")
        default:
            let wait = response.headers.first(name: "Retry-After").map {
                ", which asks to wait \(plainLine($0, bytesMax: 40))" + (Int($0) == nil ? "" : " s")
            }
            return .failed(
                reason: "the answer is \(code) \(plainLine(response.status.reasonPhrase))\(wait ?? "")\(told)")
        }
    }

    /// Without the URL, which may hold a secret.
    private static func sentence(_ error: any Error) -> String {
        if let error = error as? HTTPClientError {
            return switch error {
            case .connectTimeout: "no connection within 10 s"
            case .deadlineExceeded, .readTimeout: "no answer in time"
            case .remoteConnectionClosed: "the connection was closed before an answer came"
            case .cancelled: "cancelled"
            default: plainLine(error.shortDescription)
            }
        }
        if let error = error as? NIOConnectionError {
            if let failure = error.dnsAError ?? error.dnsAAAAError, error.connectionErrors.isEmpty {
                return plainLine("the host \(error.host) has no address: \(failure)")
            }
            let failures = error.connectionErrors.map { tlsSentence($0.error) ?? "\($0.error)" }
            return plainLine("no connection to \(error.host):\(error.port): \(failures.joined(separator: "; "))")
        }
        if let error = error as? IOError {
            return "the connection failed: \(String(cString: strerror(error.errnoCode)))"
        }
        return tlsSentence(error) ?? plainLine("\(error)")
    }

    /// What people can mend of what the library tells by codes and places in its sources; nil for what is none of it.
    static func tlsSentence(_ error: any Error) -> String? {
        let text = "\(error)"
        if text.contains("in certificate from peer") {
            return "the server's certificate is of another host"
        }
        if text.contains("CERTIFICATE_VERIFY_FAILED") {
            return "the server's certificate is not trusted: it is of an unknown authority, or has expired"
        }
        if text.contains("WRONG_VERSION_NUMBER") || text.contains("HTTP_REQUEST") {
            return "the server answers without TLS at this port"
        }
        guard error is NIOSSLError || error is BoringSSLError else { return nil }
        let reason = text.firstIndex(of: ":").map { text[$0...].split(separator: " ") }?.first { $0.contains("_") }
        return "TLS failed" + (reason.map { ": \($0)" } ?? "")
    }
}

extension String {
    /// By bytes.
    fileprivate func utf8Contains(_ other: String) -> Bool {
        let (text, part) = (Array(utf8), Array(other.utf8))
        guard part.count <= text.count else { return false }
        return (0...(text.count - part.count)).contains { text[$0..<$0 + part.count].elementsEqual(part) }
    }
}
