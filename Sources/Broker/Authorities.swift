import CMosquitto
import Glibc

/// Where this machine keeps the authorities that it believes.
///
/// libmosquitto has an option for them, with which it connects once and never again (seen with 2.0.11: after the first handshake
/// it refuses its own settings). So they are named.
enum SystemAuthorities {
    /// As the distributions lay them down: Debian and Alpine, Fedora, openSUSE.
    private static let bundles = [
        "/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/ca-bundle.pem",
        "/etc/ssl/cert.pem",
    ]

    /// A file in PEM, or a folder of such: what the environment tells OpenSSL, else what there is. nil where there is none.
    static func find(
        environment: (String) -> String? = { name in getenv(name).map { String(cString: $0) } },
        exists: (String) -> Bool = { access($0, R_OK) == 0 }
    ) -> (file: String?, folder: String?)? {
        let (file, folder) = (environment("SSL_CERT_FILE"), environment("SSL_CERT_DIR"))
        if file != nil || folder != nil { return (file, folder) }
        return bundles.first(where: exists).map { ($0, nil) }
    }
}

/// What OpenSSL found wrong with the broker's certificate, which libmosquitto does not tell.
struct CertificateFault: Equatable {
    /// A code of X509_verify_cert: see openssl-verification-options(1) and x509_vfy.h.
    let code: Int

    /// nil where nothing was found, or it cannot be asked.
    init?(of client: OpaquePointer) {
        typealias Ask = @convention(c) (UnsafeMutableRawPointer) -> Int
        guard let tls = mosquitto_ssl_get(client), let address = dlsym(nil, "SSL_get_verify_result") else { return nil }
        self.init(code: unsafeBitCast(address, to: Ask.self)(tls))
    }

    /// nil for 0, which is none, and for 1, which says nothing.
    init?(code: Int) {
        guard code > 1 else { return nil }
        self.code = code
    }

    var sentence: String {
        switch code {
        case 9: "the broker's certificate is not valid yet: look at its dates, and at this machine's clock"
        case 10: "the broker's certificate has expired: it needs a new one, or this machine's clock is wrong"
        case 2, 18, 19, 20, 21, 27:
            "the broker's certificate is not of an authority that is believed here: mqtt.tls.ca_file must hold its issuer"
        case 23: "the broker's certificate was revoked"
        case 62: "the broker's certificate is of another host: it must name mqtt.host"
        case 64: "the broker's certificate is of another address: it must name mqtt.host"
        default: "OpenSSL refuses the broker's certificate (code \(code))"
        }
    }
}
