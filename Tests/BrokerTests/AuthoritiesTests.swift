import Testing

@testable import Broker

@Suite("Authorities and certificates")
struct AuthoritiesTests {
    @Test("those of the machine are found, and the environment knows better")
    func find() throws {
        func found(_ environment: [String: String], _ files: Set<String>) -> String? {
            SystemAuthorities.find(environment: { environment[$0] }, exists: { files.contains($0) })
                .map { "\($0.file ?? "-") \($0.folder ?? "-")" }
        }
        let debian = "/etc/ssl/certs/ca-certificates.crt"
        #expect(found([:], [debian, "/etc/ssl/cert.pem"]) == "\(debian) -")
        #expect(found([:], ["/etc/ssl/cert.pem"]) == "/etc/ssl/cert.pem -")
        #expect(found([:], []) == nil)
        #expect(found(["SSL_CERT_FILE": "/a.pem"], [debian]) == "/a.pem -")
        #expect(found(["SSL_CERT_DIR": "/certs"], [debian]) == "- /certs")
    }

    @Test(
        "each fault of a certificate has its sentence",
        arguments: [
            (10, "has expired"), (9, "not valid yet"), (20, "not of an authority"), (62, "must name mqtt.host"),
            (99, "code 99"),
        ])
    func faults(code: Int, words: String) throws {
        #expect(try #require(CertificateFault(code: code)).sentence.contains(words))
        #expect(CertificateFault(code: 0) == nil)
    }
}
