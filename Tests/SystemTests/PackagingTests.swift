import Contract
import Foundation
import TestSupport
import Testing

/// The Debian package is what `make install` puts down (debian/rules); `make test-deb` tries it whole, in minutes.
@Suite("Packaging")
struct PackagingTests {
    private let folder = TemporaryDirectory()

    private static func text(_ name: String) throws -> String {
        try String(contentsOf: Programs.repository.appending(path: name), encoding: .utf8)
    }

    private func write(_ text: String, _ name: String) throws {
        let url = URL(filePath: folder.path).appending(path: name)
        try FileManager.default.createDirectory(
            at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
        try text.write(to: url, atomically: true, encoding: .utf8)
    }

    private func install() throws -> Program {
        try Program(
            "/usr/bin/make",
            [
                "-s", "-C", Programs.repository.path, "install", "STRIP=", "RELEASE_BIN=\(folder.path)/bin",
                "DESTDIR=\(folder.path)/root",
            ])
    }

    private func installed() throws -> [String] {
        try FileManager.default.subpathsOfDirectory(atPath: folder.path + "/root").filter {
            var isFolder: ObjCBool = false
            return FileManager.default.fileExists(atPath: "\(folder.path)/root/\($0)", isDirectory: &isFolder)
                && !isFolder.boolValue
        }
    }

    @Test("make install puts down what the units and the README speak of, and keeps what was edited")
    func putsDown() throws {
        for name in ["baotud", "baotu", "baotu-fleet"] {
            try write("#!/bin/sh\necho completion\n", "bin/\(name)")
            try FileManager.default.setAttributes(
                [.posixPermissions: 0o755], ofItemAtPath: "\(folder.path)/bin/\(name)")
        }
        let first = try install()
        #expect(first.code == 0, "\(first.errors)")
        let files = try installed()
        // All below /etc is configuration to dpkg, and is asked about or kept.
        #expect(
            Set(files.filter { $0.hasPrefix("etc/") })
                == ["etc/baotu/baotu.yaml", "etc/baotu/alerts.yaml", "etc/baotu/roster.csv"])
        for name in [
            "usr/bin/baotud", "usr/bin/baotu", "usr/bin/baotu-fleet", "usr/lib/systemd/system/baotud.service",
            "usr/lib/sysusers.d/baotu.conf", "usr/lib/tmpfiles.d/baotu.conf", "usr/share/doc/baotu/README.md",
            "usr/share/baotu/mosquitto/mosquitto.conf", "usr/share/baotu/mosquitto/acl.example",
            "usr/share/baotu/mosquitto/accounts", "usr/share/baotu/Devices/air/station/profile.yaml",
            "usr/share/bash-completion/completions/baotu",
        ] { #expect(files.contains(name), "\(name)") }
        let configuration = "\(folder.path)/root/etc/baotu/baotu.yaml"
        let permissions = try FileManager.default.attributesOfItem(atPath: configuration)[.posixPermissions] as? Int
        #expect(permissions == 0o640)
        #expect(
            try String(contentsOfFile: configuration, encoding: .utf8).contains("[devices, /usr/share/baotu/Devices]"))

        try write("mine\n", "root/etc/baotu/baotu.yaml")
        let second = try install()
        #expect(second.code == 0, "\(second.errors)")
        #expect(try String(contentsOfFile: configuration, encoding: .utf8) == "mine\n")
        #expect(try Set(installed()) == Set(files))
    }

    @Test(
        "the script for the broker's accounts makes each once, gives nothing away, and has the configuration use them")
    func accounts() throws {
        let (broker, gateway) = (folder.path + "/mosquitto", folder.path + "/baotu")
        try write("", "mosquitto/here")
        try write(try Self.text("Config/baotu.yaml"), "baotu/baotu.yaml")
        func run(_ words: String...) throws -> Program { try run(words) }
        func run(_ words: [String]) throws -> Program {
            try Program(
                "/bin/sh", [Programs.repository.appending(path: "Config/mosquitto/accounts").path] + words,
                environment: ["MOSQUITTO": broker, "BAOTU": gateway])
        }
        func mode(_ path: String) throws -> Int? {
            try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int
        }
        let made = try run("gateway")
        try #require(made.code == 0, "\(made.errors)")
        let password = try String(contentsOfFile: gateway + "/mqtt-password", encoding: .utf8)
        #expect(password.count == 33 && !made.output.contains(password.dropLast()))
        #expect(try mode(gateway + "/mqtt-password") == 0o640)
        for name in ["passwords", "acl"] { #expect(try mode("\(broker)/\(name)") == 0o600) }
        let settings = try String(contentsOfFile: gateway + "/baotu.yaml", encoding: .utf8)
        #expect(settings.contains("\n  username: gateway ") && settings.contains("\n  password_file: mqtt-password "))

        // Again it changes nothing; a device's is told once.
        let users = { try String(contentsOfFile: broker + "/passwords", encoding: .utf8) }
        let before = try users()
        #expect(try run("gateway").code == 0)
        #expect(try users() == before)
        let device = try run("device", "lamp-0001")
        let told = try Regex("lamp-0001 [0-9a-f]{32}\n")
        #expect(device.code == 0 && device.output.contains(told), "\(device.errors)")
        #expect(try users().split(separator: "\n").map { $0.prefix { $0 != ":" } } == ["gateway", "lamp-0001"])
        #expect(try run("device", "lamp-0001").errors.contains("has an account already"))
        // A dot is no pattern.
        #expect(try run("device", "lamp.0001").code == 0)
        for words in [["device", "a:b"], ["device", "a b"], ["device", ""], ["device", "gateway"]] {
            #expect(try run(words[0], words[1]).code == 1, "\(words)")
        }
        for words in [[], ["device"], ["nobody"]] { #expect(try run(words).code == 64, "\(words)") }
        try FileManager.default.removeItem(atPath: gateway + "/mqtt-password")
        let lost = try run("gateway")
        #expect(lost.code == 1 && lost.errors.contains("whose password is not in"))
    }

    @Test("the unit's user and folders are those that are made, and the programs those that are installed")
    func agreement() throws {
        let unit = try Self.text("systemd/baotud.service")
        #expect(unit.contains("\nUser=baotu\n") && unit.contains("\nGroup=baotu\n"))
        #expect(unit.contains("\nExecStart=/usr/bin/baotud --config /etc/baotu/baotu.yaml\n"))
        #expect(try Self.text("systemd/baotu.sysusers").contains("\nu baotu "))
        let folders = try Self.text("systemd/baotu.tmpfiles")
        #expect(folders.contains(try Regex(#"\nd +/var/lib/baotu +2750 baotu baotu "#)))
        #expect(folders.contains(try Regex(#"\nz +/etc/baotu/baotu\.yaml +0640 root baotu "#)))
        for script in ["preinst", "postinst", "prerm", "postrm"] {
            let name = "debian/baotu.\(script)"
            #expect(try Self.text(name).contains("\nset -e\n") && Self.text(name).contains("#DEBHELPER#"), "\(name)")
            let parsed = try Program("/bin/sh", ["-n", Programs.repository.appending(path: name).path])
            #expect(parsed.code == 0, "\(parsed.errors)")
        }
    }

    @Test("readings go by their owner's hand alone: no script of the package deletes a folder")
    func keeps() throws {
        for script in ["preinst", "postinst", "prerm", "postrm"] {
            for line in try Self.text("debian/baotu.\(script)").split(separator: "\n")
            where !line.contains("echo ") && !line.hasPrefix("#") {
                #expect(!line.contains(try Regex(#"rm +-[a-z]*r"#)), "\(script): \(line)")
            }
        }
    }

    @Test("the version stands in one line, and is the newest one that the changelog has as released")
    func version() throws {
        let line = try Regex(#"static let current = "([^"]*)"\n"#)
        let found = try Self.text("Sources/Contract/ProductVersion.swift").matches(of: line)
        #expect(found.map { $0.output[1].substring.map(String.init) } == [ProductVersion.current])
        let released = try Self.text("CHANGELOG.md").matches(of: Regex(#"\n## ([0-9][^ \n]*)"#)).first
        #expect(released?.output[1].substring.map(String.init) == ProductVersion.current)
    }

    /// Two packages are linked in, one is only the way to the second.
    private func makeBuild(licence: String = "Apache License\nVersion 2.0, January 2004") throws {
        let checkouts = "build/checkouts/"
        try write(licence, checkouts + "one/LICENSE.txt")
        try write("NOTICE of one", checkouts + "one/NOTICE.txt")
        try write("Permission is hereby granted, free of charge, to any", checkouts + "two/LICENSE")
        try write("", checkouts + "two/Sources/CTwo/two.c")
        try write("", checkouts + "between/LICENSE")
        for program in ["baotud", "baotu", "baotu-fleet"] {
            try write(
                "/else/build/linux/release/One.build/One.swift.o\n/else/build/linux/release/CTwo.build/two.c.o\n",
                "build/linux/release/\(program).product/Objects.LinkFileList")
            try write(program == "baotu" ? "deflate 1.3.1 Copyright 1995" : "", "build/linux/release/\(program)")
        }
        try write("/else/build/checkouts/one/Sources/One/One.swift\n", "build/linux/release/One.build/sources")
        func package(_ name: String, _ below: [String]) -> String {
            """
            {"identity": "\(name)", "name": "\(name)", "url": "https://example.org/\(name).git", "version": "1.2.3",
             "dependencies": [\(below.joined(separator: ", "))]}
            """
        }
        try write(
            package("main", [package("one", []), package("between", [package("two", [])])]), "graph.json")
    }

    private func bill(depends: String) throws -> Program {
        try Program(
            Programs.repository.appending(path: ".ci/bom").path,
            [
                "bill", "--binaries", folder.path + "/build/linux/release", "--graph", folder.path + "/graph.json",
                "--version", "0.1.0+1-1", "--arch", "arm64", "--compiler", "6.3", "--depends", depends,
                "--epoch", "1700000000", "--commit", "c0ffee",
            ])
    }

    private struct Bill: Decodable {
        struct Component: Decodable {
            var type, name, version: String
            var reference: String
            var licenses: [[String: Terms]]

            enum CodingKeys: String, CodingKey {
                case type, name, version, licenses
                case reference = "bom-ref"
            }
        }
        /// An expression, or a name of SPDX in a table.
        enum Terms: Decodable, Equatable {
            case expression(String)
            case license([String: String])

            init(from decoder: any Decoder) throws {
                let container = try decoder.singleValueContainer()
                if let text = try? container.decode(String.self) {
                    self = .expression(text)
                } else {
                    self = .license(try container.decode([String: String].self))
                }
            }
        }
        struct Edge: Decodable {
            var ref: String
            var dependsOn: [String]
        }
        struct Metadata: Decodable {
            var timestamp: String
            var component: Component
        }
        var bomFormat, specVersion, serialNumber: String
        var version: Int
        var metadata: Metadata
        var components: [Component]
        var dependencies: [Edge]
    }

    /// The shape is that of CycloneDX 1.5 (ECMA-424): required keys, references that lead somewhere.
    @Test("the bill of materials has what is linked in with version and licence, and nothing else")
    func materials() throws {
        try makeBuild()
        let run = try bill(depends: "libc6 (>= 2.34), tzdata, systemd | systemd-sysusers")
        try #require(run.code == 0, "\(run.errors)")
        let bill = try JSONDecoder().decode(Bill.self, from: Data(run.output.utf8))
        #expect(bill.bomFormat == "CycloneDX" && bill.specVersion == "1.5" && bill.version == 1)
        #expect(bill.serialNumber.contains(try Regex("^urn:uuid:[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")))
        #expect(bill.metadata.timestamp == "2023-11-14T22:13:20Z")
        #expect(bill.metadata.component.reference == "pkg:deb/baotu/baotu@0.1.0%2B1-1?arch=arm64")
        #expect(bill.components.map(\.name) == ["one", "two", "zlib", "swift-runtime", "libc6", "tzdata"])
        #expect(bill.components.prefix(3).map(\.version) == ["1.2.3", "1.2.3", "1.3.1"])
        #expect(bill.components[0].licenses == [["license": .license(["id": "Apache-2.0"])]])
        #expect(bill.components[1].licenses == [["license": .license(["id": "MIT"])]])
        let known = Set([bill.metadata.component.reference] + bill.components.map(\.reference))
        #expect(known.count == bill.components.count + 1)
        #expect(Set(bill.dependencies.map(\.ref)) == known)
        for edge in bill.dependencies { #expect(known.isSuperset(of: edge.dependsOn), "\(edge.ref)") }
        // Through a package that gives nothing itself.
        let ours = bill.dependencies.first { $0.ref == bill.metadata.component.reference }
        #expect(ours?.dependsOn.contains("pkg:swift/example.org/two@1.2.3") == true)
        #expect(try self.bill(depends: "libc6 (>= 2.34), tzdata, systemd | systemd-sysusers").output == run.output)
    }

    @Test("a licence that is not known stops the bill, with the file and what to do")
    func unknownLicence() throws {
        try makeBuild(licence: "All rights reserved")
        let swift = try bill(depends: "libc6")
        #expect(swift.code == 1 && swift.errors.contains("one/LICENSE.txt: a licence that is not known here"))
        try makeBuild()
        let debian = try bill(depends: "libc6, libunknown7 (>= 3)")
        #expect(debian.code == 1 && debian.errors.contains("libunknown7 of Depends has no licence here"))
    }

    @Test("what the programs that were built here are linked of is all known")
    func own() throws {
        let binaries = URL(filePath: Programs.daemon).deletingLastPathComponent().path
        let run = try Program(
            Programs.repository.appending(path: ".ci/bom").path, ["notices", "--binaries", binaries])
        #expect(run.code == 0, "\(run.errors)")
        for word in ["swift-nio: LICENSE.txt\n", "hummingbird: LICENSE.txt\n"] { #expect(run.output.contains(word)) }
    }

    @Test("the notices that go along say each licence once, with the packages that have it")
    func notices() throws {
        try makeBuild()
        let run = try Program(
            Programs.repository.appending(path: ".ci/bom").path,
            ["notices", "--binaries", folder.path + "/build/linux/release"])
        #expect(run.code == 0, "\(run.errors)")
        for word in ["one: LICENSE.txt\n", "one: NOTICE.txt\n", "two: LICENSE\n", "NOTICE of one", "Permission is"] {
            #expect(run.output.contains(word), "\(word)")
        }
        #expect(!run.output.contains("between"))
    }
}
