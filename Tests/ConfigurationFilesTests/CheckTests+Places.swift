import Alerting
import Basics
import Broker
import Decoding
import Foundation
import Telemetry
import Testing
import TestSupport

@testable import ConfigurationFiles

/// What is well written, and cannot work where it is.
extension CheckTests {
    @Test(
        "a host is a name or an address, and the sentence says what to write instead",
        arguments: [
            ("mqtt://127.0.0.1:1883", "write host: 127.0.0.1 and port: 1883"),
            (
                "mqtts://broker.example/",
                "write host: broker.example; the port is the key port, and TLS the section tls"
            ),
            ("127.0.0.1:1883", "write host: 127.0.0.1 and port: 1883"),
            ("[::1]:1883", "write host: \"::1\" and port: 1883"), ("[fe80::1]", "write host: \"fe80::1\";"),
            ("my broker", "expected a name of letters, digits"), ("", "expected a name of letters, digits"),
            ("1:2:3", "write host: 1;"), ("-a", "expected a name"), ("br\u{F6}ker", "expected a name"),
        ])
    func wrongHosts(host: String, sentence: String) throws {
        let found = try load("mqtt: {host: '\(host)'}\n")
        #expect(found.mistakes.count == 1, "\(found)")
        #expect(found.mistakes.first?.hasPrefix("baotu.yaml:4: mqtt.host: '\(host)': ") == true, "\(found)")
        #expect(found.mistakes.first?.contains(sentence) == true, "\(found)")
    }

    @Test(
        "names, addresses and names of containers are hosts",
        arguments: ["localhost", "broker.example", "10.0.0.1", "::1", "fe80::1%eth0", "my_broker", "a-1.b-2."])
    func hosts(host: String) throws {
        #expect(try load("mqtt: {host: '\(host)'}\n") == ([], []))
    }

    @Test("a file where a folder or a socket should be is a mistake")
    func taken() throws {
        try write("precious", "precious")
        #expect(
            try load(store: "precious").mistakes == [
                "baotu.yaml:1: store.folder: 'precious': expected a folder; this is a file"
            ])
        #expect(
            try load(socket: "precious").mistakes == [
                "baotu.yaml:3: api.socket: 'precious': expected the path of a socket; a file stands there, which the gateway leaves alone"
            ])
        #expect(try load(socket: "Devices").mistakes.first?.contains("a folder stands there") == true)
    }

    @Test("what is no PEM, is empty or is not there is no file of TLS")
    func tls() throws {
        let certificate = "text before\n-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"
        let key = "-----BEGIN EC PRIVATE KEY-----\nMIIB\n-----END EC PRIVATE KEY-----\n"
        try write(certificate, "ca.pem")
        try write(key, "key.pem")
        try write("", "empty.pem")
        try write("device,cadence\n", "table.pem")
        #expect(try load("mqtt: {tls: {ca_file: ca.pem, certificate_file: ca.pem, key_file: key.pem}}\n") == ([], []))
        for (tls, sentence) in [
            ("ca_file: empty.pem", "tls.ca_file: 'empty.pem': expected a PEM file; it is empty"),
            ("ca_file: table.pem", "expected a PEM file with a line -----BEGIN … CERTIFICATE-----; it has none"),
            ("ca_file: key.pem", "a line -----BEGIN … CERTIFICATE-----; it has none"),
            ("ca_file: none.pem", "expected a readable file"), ("ca_file: Devices", "expected a readable file"),
            ("certificate_file: ca.pem, key_file: ca.pem", "key_file: 'ca.pem': expected a PEM file with a line"),
        ] {
            let found = try load("mqtt: {tls: {\(tls)}}\n")
            #expect(found.mistakes.count == 1 && found.mistakes[0].contains(sentence), "\(tls): \(found)")
        }
    }

    @Test("a password file gives its first line, with a mark before it or without; one that is empty gives none")
    func password() throws {
        let yaml = "mqtt: {username: u, password_file: pw}\n"
        try write("secret\r\n", "pw")
        #expect(try load(yaml) == ([], []))
        #expect(try GatewayConfiguration(path: folder.path + "/baotu.yaml").mqtt.password == "secret")
        try write("\u{FEFF}secret\n", "pw")
        #expect(try load(yaml) == ([], []))
        let configuration = try GatewayConfiguration(path: folder.path + "/baotu.yaml")
        #expect(configuration.mqtt.password == "secret" && configuration.mqtt.currentPassword?() == "secret")
        for text in ["", "\n\n"] {
            try write(text, "pw")
            #expect(
                try load(yaml).mistakes == [
                    "baotu.yaml:4: mqtt.password_file: 'pw': expected the password in the first line of the file; it is empty"
                ])
            // While the gateway runs, the one of before counts.
            #expect(configuration.mqtt.currentPassword?() == nil)
        }
        try Data([0x70, 0xE9]).write(to: URL(filePath: folder.path + "/pw"))
        #expect(try load(yaml).mistakes.first?.contains("line 1: byte 2 of the line (0xE9) is not UTF-8") == true)
    }

    @Test(
        "filters that no profile reads are warnings",
        arguments: [
            ("baotu/#", "brings what the gateway itself publishes"), ("baotu", "brings what the gateway itself"),
            ("nothing/#", "no profile reads any topic of it"),
            ("$share/group/nothing/+", "no profile reads any topic of it"),
            ("lamps/a/b", "no profile reads any topic of it"), ("lamps/+", nil), ("#", nil), ("+/lamp-1", nil),
            ("$share/group/lamps/#", nil),
        ])
    func unread(filter: String, sentence: String?) throws {
        let found = try load("mqtt: {subscriptions: ['\(filter)']}\n")
        #expect(found.mistakes == [])
        #expect(found.warnings.count == (sentence == nil ? 0 : 1), "\(found)")
        if let sentence {
            let start = "baotu.yaml: warning: mqtt.subscriptions: '\(filter)': \(sentence)"
            #expect(found.warnings.first?.hasPrefix(start) == true, "\(found)")
        }
    }

    @Test("a filter that only devices which put their names first can mean is one for a device of the roster")
    func namesFirst() throws {
        let profile = Self.lamps.replacing("lamps/{device}", with: "{device}/status")
        for (filter, count) in [("lamp-1/#", 0), ("nothing/#", 1), ("+/status", 0), ("nothing/other", 1)] {
            let found = try load("mqtt: {subscriptions: ['\(filter)']}\n", profile: profile)
            #expect(found.mistakes == [] && found.warnings.count == count, "\(filter): \(found)")
        }
        // Who is not on a roster may be called anything.
        let found = try load("mqtt: {subscriptions: ['nothing/#']}\n", roster: "device,cadence\n", profile: profile)
        #expect(found == ([], []))
    }

    @Test("a class of retention for profiles that nobody has is a warning")
    func retention() throws {
        func warnings(_ profiles: String) throws -> [String] {
            let text = "{retention: {classes: [{name: busy, profiles: \(profiles), raw: 30d}]}, folder: store}"
            try write("x", "unused")
            _ = try load()
            try write(
                "store: \(text)\ndevices: {folder: Devices, roster: roster.csv}\napi: {socket: baotu.sock}\n",
                "baotu.yaml")
            return shown(try LoadedFiles.load(try GatewayConfiguration(path: folder.path + "/baotu.yaml")).warnings)
        }
        #expect(try warnings("[\"la*\", \"l?mps\"]") == [])
        #expect(
            try warnings("[lamps, \"zzz*\", lmaps]") == [
                "baotu.yaml: warning: store.retention.classes: 'zzz*': no profile is called so, and class 'busy' is of no device by it",
                "baotu.yaml: warning: store.retention.classes: 'lmaps': no profile is called so, and class 'busy' is of no device by it; did you mean 'lamps'?",
            ])
    }

    @Test("a device whose name is a pattern is a warning")
    func patterns() throws {
        let found = try load(roster: "device,cadence\nlamp*,10s\nlamp?,10s\nlamp[1],10s\n")
        #expect(found.mistakes == [])
        #expect(
            found.warnings.map { $0.prefix(45) } == [
                "roster.csv: warning: device: 'lamp*': is read", "roster.csv: warning: device: 'lamp?': is read",
            ])
    }

    @Test("a constant that nobody asks for and that looks like one that somebody does is a warning")
    func constants() throws {
        let profile = """
            profile: bins
            rules:
            - topic: "bins/{device}"
              device: "{device}"
              read: {fill_level: {calc: "$depth_mm - {/d}", unit: "%"}}
            """
        let found = try load(
            roster:
                "device,cadence,constants\na,1h,rated_wats=40\nb,1h,rated_wats=50\nc,1h,dept_mm=3;depth_mm=4\nd,1h,owner=x\n",
            profile: profile)
        #expect(found.mistakes == [])
        #expect(
            found.warnings == [
                "roster.csv: warning: constants: 'rated_wats': nobody asks for it, as a has it; did you mean 'rated_watts'?",
                "roster.csv: warning: constants: 'dept_mm': nobody asks for it, as c has it; did you mean 'depth_mm'?",
            ])
    }

    @Test("files that begin with a byte order mark are read like others")
    func marks() throws {
        let mark = "\u{FEFF}"
        _ = try load()
        try write(mark + "rules:\n- rule: gone\n  absence:\n", "alerts.yaml")
        try write(mark + "device,cadence,profile\nlamp-1,10s,lamps\n", "roster.csv")
        try write(mark + Self.lamps, "Devices/lamps/profile.yaml")
        try write(
            mark + "store: {folder: store}\ndevices: {folder: Devices, roster: roster.csv}\napi: {socket: s}\n",
            "baotu.yaml")
        let files = try LoadedFiles.load(try GatewayConfiguration(path: folder.path + "/baotu.yaml"))
        #expect(files.rules.map(\.name) == ["gone"] && files.roster.map(\.device) == ["lamp-1"])
        #expect(files.catalog.profileNames == ["lamps"] && files.warnings == [])
    }
}
