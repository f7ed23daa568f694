import Basics
import Decoding
import Telemetry
import Testing

@Suite("Format hj212")
struct HJ212Tests {
    private static let profile = """
        profile: p
        rules:
        - topic: "hj/{dtu}"
          format: hj212
          when: {^/CN: 2011, /Mark: N}
          each: /factors/*
          device: "{^/MN}"
          channel: "{/code}"
          time: [{at: [/SampleTime, ^/DataTime], as: yyyyMMddHHmmss, zone: "+08:00"}]
          read: {active_power: /Rtd, voltage: {from: /Avg, if: {^/Version: 2}}}
        - {topic: "hj/{dtu}", format: hj212, when: {^/CN: [9014, 2011]}, ignore: true}
        """

    /// `##`, length, segment and CRC, by the words of the standard.
    static func packet(_ segment: [UInt8], lengthOffBy offset: Int = 0) -> [UInt8] {
        var crc: UInt16 = 0xFFFF
        for byte in segment {
            crc = (crc >> 8) ^ UInt16(byte)
            for _ in 0..<8 {
                let hasFallenOut = crc & 1 != 0
                crc >>= 1
                if hasFallenOut { crc ^= 0xA001 }
            }
        }
        let length = String(segment.count + offset + 10_000).suffix(4)
        let sum = String(UInt32(crc) + 0x10000, radix: 16, uppercase: true).suffix(4)
        return Array("##\(length)".utf8) + segment + Array("\(sum)\r\n".utf8)
    }

    static func packet(_ segment: String, lengthOffBy offset: Int = 0) -> [UInt8] {
        packet(Array(segment.utf8), lengthOffBy: offset)
    }

    private static let head = "QN=20260305181500123;ST=22;CN=2011;PW=123456;MN=M1;Flag=5;"

    private func decode(_ payload: [UInt8]) throws -> (lines: [String], rejects: [Reject], ignored: Int) {
        var bench = try Bench(profile: Self.profile)
        bench.decode("hj/1", payload)
        return (bench.lines, bench.batch.rejects, bench.batch.ignoredMessages)
    }

    @Test("the packet of annex A has length 101 and CRC 1C80")
    func annexA() throws {
        let text =
            "##0101QN=20160801085857223;ST=32;CN=1062;PW=100000;MN=010000A8900016F000169DC0;Flag=5;CP=&&RtdInterval=30&&1C80\r\n"
        #expect(Self.packet(String(text.dropFirst(6).dropLast(5))) == Array(text.utf8))
        #expect(try decode(Array(text.utf8)).rejects.map(\.reason) == [.noRule])
        let small = try decode(Array(text.replacing("1C80\r\n", with: "1c80").utf8))
        #expect(small.rejects.map(\.reason) == [.noRule])
    }

    @Test("fields of one code become one factor, in any order, group and case; blanks are trimmed")
    func factors() throws {
        let found = try decode(
            Self.packet(
                Self.head
                    + "CP=&&QN=1;DataTime=20260305181500;a34004-Rtd= 38.2 ,a34004-flag=n;a34002-Rtd=71;LA-rtd=57.9,La-Flag=N;"
                    + "a34004-EFlag=A01;a21026-SampleTime=20260305181200,a21026-Rtd=9.1;a34002-Flag=d;a21003-Rtd=,a21003-Flag=B;&&"
            ))
        #expect(found.rejects.isEmpty)
        #expect(
            found.lines.sorted() == [
                "M1 active_power[a21026] 9.1 @2026-03-05T10:12:00Z",
                "M1 active_power[a34004] 38.2 @2026-03-05T10:15:00Z",
                "M1 active_power[la] 57.9 @2026-03-05T10:15:00Z",
            ])
    }

    @Test("the version comes from the flag: 4 to 7 are 2017, 8 and 9 are 2025")
    func versions() throws {
        for (flag, isNewest) in [("3", false), ("5", false), ("7", false), ("8", true), ("9", true)] {
            let found = try decode(
                Self.packet(
                    "ST=22;CN=2011;PW=1;MN=M1;Flag=\(flag);PNO=1;PNUM=0002;CP=&&DataTime=20260305181500;a1-Avg=230&&"))
            #expect(found.lines.count == (isNewest ? 1 : 0), "flag \(flag)")
            #expect(found.rejects.isEmpty)
        }
    }

    @Test("several packets of a message are read each by itself")
    func several() throws {
        let first = Self.packet(Self.head + "CP=&&DataTime=20260305181500;a1-Rtd=1&&")
        let second = Self.packet(
            "ST=22;CN=2011;PW=x;MN=M2;CP=&&DataTime=20260305181600;a1-Rtd=2&&", lengthOffBy: 6)
        let answer = Self.packet("ST=91;CN=9014;PW=x;MN=M2;CP=&&&&")
        let expected = [
            "M1 active_power[a1] 1.0 @2026-03-05T10:15:00Z", "M2 active_power[a1] 2.0 @2026-03-05T10:16:00Z",
        ]
        #expect(try decode(first + second).lines == expected)
        let all = try decode(first + answer + second.dropLast(2) + answer)
        #expect(all.lines == expected && all.rejects.isEmpty)
        #expect(try decode(answer).ignored == 1)
    }

    @Test("a wrong CRC condemns the whole message")
    func damaged() throws {
        let good = Self.packet(Self.head + "CP=&&DataTime=20260305181500;a1-Rtd=1&&")
        for at in good.indices.dropFirst(6).dropLast(2) {
            for bit in 0..<8 {
                var bad = good
                bad[at] ^= 1 << UInt8(bit)
                // The same hexadecimal digit in the other case.
                if at >= good.count - 6, bad[at] | 0x20 == good[at] | 0x20 { continue }
                let found = try decode(bad)
                #expect(found.lines.isEmpty, "byte \(at) bit \(bit)")
                #expect([.crc, .structure].contains(found.rejects.first?.reason), "byte \(at) bit \(bit)")
            }
        }
        var second = good
        second[good.count - 12] ^= 1
        let found = try decode(good + second)
        #expect(found.lines.isEmpty)
        #expect(found.rejects.map(\.detail) == ["the CRC does not match the packet at byte \(good.count)"])
    }

    @Test("a part of a packet is rejected, the whole ones beside it are read")
    func parts() throws {
        let good = Self.packet(Self.head + "CP=&&DataTime=20260305181500;a1-Rtd=1&&")
        for length in 1..<good.count - 2 {
            let found = try decode(Array(good.prefix(length)))
            #expect(found.lines.isEmpty)
            #expect(found.rejects.map(\.reason) == [.structure], "\(length) bytes")
        }
        let tail = try decode(good + good.prefix(70))
        #expect(tail.lines.count == 1)
        #expect(tail.rejects.map(\.detail) == ["a part of a packet at byte \(good.count)"])
        let front = try decode(good.suffix(30) + good)
        #expect(front.lines.count == 1)
        #expect(front.rejects.map(\.detail) == ["bytes that belong to no packet at byte 0"])
    }

    @Test(
        "a packet without what it must have is rejected",
        arguments: [
            (
                "ST=22;CN=2011;MN=M1;DataTime=20260305181500",
                "no data area between 'CP=&&' and '&&' in the packet at byte 0"
            ),
            ("ST=22;CN=2011;MN=M1;CP=&&", "no data area between 'CP=&&' and '&&' in the packet at byte 0"),
            ("ST=22;CN=2011;CP=&&&&", "no MN, the name of the device, in the packet at byte 0"),
            ("ST=22;CN=2011;MN= ;CP=&&&&", "no MN, the name of the device, in the packet at byte 0"),
            ("ST=22;CN=20x1;MN=M1;CP=&&&&", "no CN, the number of the command, in the packet at byte 0"),
        ])
    func structure(segment: String, expected: String) throws {
        let found = try decode(Self.packet(segment))
        #expect(found.rejects.map(\.reason) == [.structure])
        #expect(found.rejects.map(\.detail) == [expected])
        #expect(
            try decode(Array("no packet".utf8)).rejects.map(\.detail) == ["bytes that belong to no packet at byte 0"])
    }

    @Test("an encrypted data area is told from a damaged one, by the version")
    func encrypted() throws {
        let secret: [UInt8] = [0x00, 0x23, 0x23, 0xFF, 0x0D, 0x0A, 0x80, 0x26, 0x26, 0x91]
        for (flag, reason) in [("9", Reject.Reason.encrypted), ("5", .crc)] {
            // The CRC is made of the clear text, so that of the packet does not match.
            var packet = Self.packet(Array("ST=22;CN=2011;MN=M1;Flag=\(flag);CP=&&".utf8) + secret + Array("&&".utf8))
            packet[packet.count - 4] =
                packet[packet.count - 4] == UInt8(ascii: "0") ? UInt8(ascii: "1") : UInt8(ascii: "0")
            #expect(try decode(packet).rejects.map(\.reason) == [reason])
        }
    }

    @Test("no reject shows a password")
    func password() throws {
        let secret = "geheim"
        func packet(_ field: String) -> String { "ST=22;CN=2011;\(field)=\(secret);MN=M1;Flag=5;CP=&&a1-Rtd=1&&" }
        var payloads = ["PW", "pw", "QW", "P"].map { Self.packet(packet($0)) }
        // A CRC that does not match, a missing semicolon, a packet that ends in the password, a foreign topic's value.
        payloads += ["PW", "PV"].map { Self.packet(packet($0)).dropLast(4) + Array("0000".utf8) }
        payloads.append(Array("##0100ST=22,PW=\(secret)".utf8))
        payloads.append(Array("noise##0100ST=22;CN=2011:PW=\(secret);".utf8))
        for payload in payloads {
            for topic in ["hj/1", "elsewhere"] where topic == "hj/1" || payload.starts(with: Array("##".utf8)) {
                var bench = try Bench(
                    profile: Self.profile.replacing("active_power: /Rtd", with: "active_power: /code"))
                bench.decode(topic, payload)
                #expect(!bench.batch.rejects.isEmpty)
                for reject in bench.batch.rejects {
                    let shown = String(decoding: reject.payload, as: UTF8.self)
                    #expect(!shown.contains(secret), "\(shown)")
                    #expect(reject.payload.count == payload.count)
                }
            }
        }
    }

    @Test("truncated and damaged packets end in something, and nothing crashes")
    func hostile() throws {
        let packets = [
            Self.packet(Self.head + "CP=&&DataTime=20260305181500;a34004-Rtd=38.2,a34004-Flag=N;a1-Rtd=1&&"),
            Self.packet("ST=91;CN=9014;PW=x;MN=M2;Flag=9;CP=&&&&"),
        ]
        try FormatTests.torture(Self.profile, topic: "hj/1", packets + [packets[0] + packets[1]])
    }
}
