import Basics
import Telemetry

/// What is known of the payload in hand as a document.
struct DocumentState {
    /// Format and options of the rule that it was last read for; nil before the first one.
    var format: RulePlan.Format?
    var options: Int32 = -1
    var isReadable = false
    /// Where JSON ended too early.
    var outcome = JSONScanner.Outcome.complete
    /// A payload of HJ 212 may hold several packets: each is a document of its own.
    var index = 0
    var count = 1
    /// A part of the payload was rejected beside documents that could be read.
    var hasRemark = false
}

extension MessageDecoder {
    /// Reads the payload by the rule's format, unless that is what lies on the tape already; false where it is not
    /// of that format.
    @inline(__always)
    mutating func lay(
        _ rule: RulePlan, readable: Int, _ batch: inout DecodedBatch
    ) -> Bool {
        // An empty payload is the empty text, whatever the format.
        let format = payload.isEmpty ? .text : rule.format
        if document.format == format, document.options == rule.formatOptions { return document.isReadable }
        document.format = format
        document.options = rule.formatOptions
        text = payload.baseAddress!.assumingMemoryBound(to: UInt8.self)
        tape.clear()
        if format == .json {
            document.outcome = scanner.scan(text, count: payload.count, readable: readable, into: &tape)
            document.isReadable = document.outcome == .complete
        } else {
            document.isReadable = layOther(rule, as: format, readable: readable, &batch)
        }
        forgetReferences()
        return document.isReadable
    }

    private mutating func layOther(
        _ rule: RulePlan, as format: RulePlan.Format, readable: Int, _ batch: inout DecodedBatch
    ) -> Bool {
        do throws(FormatFault) {
            switch format {
            case .json: return false
            case .text:
                if layText() { return true }
                guard rule.unwrap >= 0, plan.unwraps[UInt32(rule.unwrap)].encoding == .raw else {
                    throw FormatFault(.malformed, "the text is not UTF-8")
                }
                // Bytes that a layout reads need not be text; for another rule they are still no text.
                document.options = .min
                var node = Tape.Node()
                node.next = 1
                _ = tape.append(node)
                return true
            case .form: try FormFormat.lay(payload, into: &writer)
            case .split: try SplitFormat.lay(payload, plan.formats[UInt32(rule.formatOptions)], plan, into: &writer)
            case .lines:
                try LinesFormat.lay(
                    payload, plan.formats[UInt32(rule.formatOptions)], plan, lineHoles, into: &writer)
            case .influx: try InfluxFormat.lay(payload, into: &writer)
            case .hj212:
                if document.index == 0 {
                    let fault = try HJ212Format.findPackets(in: payload, into: &packets)
                    document.count = packets.count
                    if let fault, !document.hasRemark {
                        document.hasRemark = true
                        reject(fault.reason, fault.detail, &batch)
                    }
                }
                try HJ212Format.lay(payload, packets[document.index], into: &writer)
            case .cbor: try CBORFormat.lay(payload, into: &writer)
            case .senml: try laySenML(readable: readable)
            case .sparkplug:
                try SparkplugFormat.lay(payload, topic: topic, &sparkplug, limits, into: &writer)
                if SparkplugFormat.isBirth(topic) { remember(&batch, keeps: true) }
            }
        } catch {
            formatFault = error
            return false
        }
        swap(&tape, &writer.tape)
        text = UnsafePointer(writer.bytes)
        return true
    }

    /// A pack in JSON or CBOR is laid on a tape of its own first; resolved, it becomes the document.
    private mutating func laySenML(readable: Int) throws(FormatFault) {
        var base = text
        if SenMLFormat.isCBOR(payload) {
            try CBORFormat.lay(payload, bytesAs: .base64, into: &senmlSource)
            base = UnsafePointer(senmlSource.bytes)
        } else {
            senmlSource.begin(payloadBytes: payload.count)
            let outcome = scanner.scan(text, count: payload.count, readable: readable, into: &senmlSource.tape)
            guard outcome == .complete else {
                document.outcome = outcome
                formatFault = nil
                throw documentFault
            }
        }
        try SenMLFormat.lay(
            senmlSource.tape, text: base, payloadBytes: payload.count, receivedAt: receivedAt, &arena, into: &writer)
    }

    /// One value on the tape: the payload as text, without the blanks and NUL bytes around it.
    private mutating func layText() -> Bool {
        guard UTF8Check.isValid(text, count: payload.count) else { return false }
        var start = 0
        var end = payload.count
        while start < end, text[start] <= 0x20 { start += 1 }
        while end > start, text[end - 1] <= 0x20 { end -= 1 }
        var node = Tape.Node()
        node.kind = .text
        node.start = UInt32(start)
        node.count = UInt32(end - start)
        node.next = 1
        _ = tape.append(node)
        return true
    }

    /// Why the payload is not of the format that was tried last.
    var documentFault: FormatFault {
        switch document.outcome {
        case _ where formatFault != nil: formatFault!
        case .malformed(let offset): FormatFault(.malformed, "not JSON from byte \(offset) on")
        case .tooDeep: FormatFault(.tooLarge, "nested deeper than \(limits.nestingMax) levels")
        case .tooManyValues: FormatFault(.tooLarge, "more than \(limits.nodesMax) values")
        case .complete: FormatFault(.malformed, "the payload is not of the format that the profile names")
        }
    }
}
