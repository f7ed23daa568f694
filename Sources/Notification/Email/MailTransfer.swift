import Basics
import CCurl

/// libcurl, behind this file: sends one mail over SMTP and says what came of it.
enum MailTransfer {
    /// libcurl wants it once, before its first use, and not from two threads.
    private static let isReady = curl_global_init(Int(CURL_GLOBAL_DEFAULT)) == CURLE_OK

    /// What libcurl reads and writes while it works; its address is good for as long as the call.
    private final class Exchange {
        let message: [UInt8]
        var sent = 0
        /// The server's last line that refused something (RFC 5321, 4.2.1).
        var answer: [UInt8] = []

        init(_ message: String) { self.message = Array(message.utf8) }
    }

    /// Connects, sends and leaves. Blocks for `timeLimit` at most.
    static func send(_ message: String, _ options: EmailOptions) -> Delivery {
        guard isReady, let handle = curl_easy_init() else { return .failed(reason: "libcurl cannot be used") }
        let exchange = Exchange(message)
        var recipients: UnsafeMutablePointer<curl_slist>?
        for address in options.to { recipients = curl_slist_append(recipients, "<\(address)>") }
        defer { curl_slist_free_all(recipients) }
        var fault = [CChar](repeating: 0, count: Int(CURL_ERROR_SIZE))
        return fault.withUnsafeMutableBufferPointer { fault in
            withExtendedLifetime(exchange) {
                // It takes leave of the server, and so calls back, while what is called is there.
                defer { curl_easy_cleanup(handle) }
                guard configure(handle, options, exchange, recipients, fault.baseAddress!) else {
                    return .failed(reason: "libcurl refuses an option")
                }
                let code = curl_easy_perform(handle)
                if code == CURLE_OK { return .delivered }
                let told =
                    fault[0] == 0 ? String(cString: curl_easy_strerror(code)) : String(cString: fault.baseAddress!)
                let answer = lastLine(exchange.answer).map { "; the server said: \($0)" } ?? ""
                return .failed(reason: plainLine(told) + answer)
            }
        }
    }

    private static func configure(
        _ handle: UnsafeMutableRawPointer, _ options: EmailOptions, _ exchange: Exchange,
        _ recipients: UnsafeMutablePointer<curl_slist>?, _ fault: UnsafeMutablePointer<CChar>
    ) -> Bool {
        let host = options.host.contains(":") ? "[\(options.host)]" : options.host
        let scheme = options.protection == .tls ? "smtps" : "smtp"
        let context = Unmanaged.passUnretained(exchange).toOpaque()
        // The path of the URL is what the gateway greets with: what the machine calls itself may be no name that servers take.
        var codes = [
            baotu_curl_set_text(handle, CURLOPT_URL, "\(scheme)://\(host):\(options.port)/baotu"),
            baotu_curl_set_text(handle, CURLOPT_PROTOCOLS_STR, "smtp,smtps"),
            // Variables of the environment name proxies for browsers.
            baotu_curl_set_text(handle, CURLOPT_PROXY, ""),
            baotu_curl_set_pointer(handle, CURLOPT_ERRORBUFFER, fault),
            // Without it libcurl would end a slow look-up of a name by a signal, which may meet any thread.
            baotu_curl_set_long(handle, CURLOPT_NOSIGNAL, 1),
            baotu_curl_set_long(handle, CURLOPT_CONNECTTIMEOUT_MS, Int(max(1, options.connectMax.milliseconds))),
            baotu_curl_set_long(handle, CURLOPT_TIMEOUT_MS, Int(max(1, options.timeLimit.milliseconds))),
            baotu_curl_set_long(handle, CURLOPT_LOW_SPEED_LIMIT, 1),
            baotu_curl_set_long(handle, CURLOPT_LOW_SPEED_TIME, 20),
            baotu_curl_set_long(handle, CURLOPT_SSL_VERIFYPEER, 1),
            baotu_curl_set_long(handle, CURLOPT_SSL_VERIFYHOST, 2),
            baotu_curl_set_text(handle, CURLOPT_MAIL_FROM, "<\(options.from)>"),
            baotu_curl_set_pointer(handle, CURLOPT_MAIL_RCPT, recipients),
            baotu_curl_set_long(handle, CURLOPT_MAIL_RCPT_ALLLOWFAILS, 1),
            baotu_curl_set_long(handle, CURLOPT_UPLOAD, 1),
            baotu_curl_set_transfer(handle, CURLOPT_READFUNCTION, read),
            baotu_curl_set_pointer(handle, CURLOPT_READDATA, context),
            baotu_curl_set_transfer(handle, CURLOPT_HEADERFUNCTION, hear),
            baotu_curl_set_pointer(handle, CURLOPT_HEADERDATA, context),
            baotu_curl_set_transfer(handle, CURLOPT_WRITEFUNCTION, hear),
            baotu_curl_set_pointer(handle, CURLOPT_WRITEDATA, context),
        ]
        if options.protection == .startTLS {
            codes.append(baotu_curl_set_long(handle, CURLOPT_USE_SSL, Int(CURLUSESSL_ALL.rawValue)))
        }
        if let file = options.caFile { codes.append(baotu_curl_set_text(handle, CURLOPT_CAINFO, file)) }
        if let account = options.account {
            codes.append(baotu_curl_set_text(handle, CURLOPT_USERNAME, account.username))
            codes.append(baotu_curl_set_text(handle, CURLOPT_PASSWORD, account.password))
        }
        return codes.allSatisfy { $0 == CURLE_OK }
    }

    /// The next piece of the message.
    private static let read: baotu_curl_transfer = { bytes, size, count, context in
        let exchange = Unmanaged<Exchange>.fromOpaque(context!).takeUnretainedValue()
        let length = min(size * count, exchange.message.count - exchange.sent)
        exchange.message.withUnsafeBytes {
            UnsafeMutableRawPointer(bytes!).copyMemory(from: $0.baseAddress! + exchange.sent, byteCount: length)
        }
        exchange.sent += length
        return length
    }

    /// A line of the server's.
    private static let hear: baotu_curl_transfer = { bytes, size, count, context in
        let exchange = Unmanaged<Exchange>.fromOpaque(context!).takeUnretainedValue()
        let line = UnsafeRawBufferPointer(start: bytes, count: min(size * count, 4096))
        if let first = line.first, "45".utf8.contains(first) { exchange.answer = Array(line) }
        return size * count
    }
}
