import Basics
import Telemetry

extension MessageDecoder {
    /// Reads the payload by the rule's format, unless that is what lies on the tape already; false where it is not
    /// of that format.
    @inline(__always)
    mutating func lay(
        _ rule: RulePlan, readable: Int, _ batch: inout DecodedBatch
    ) -> Bool {
        // An empty payload is the empty text, whatever the format.
        let format = message.payload.isEmpty ? .text : rule.format
        if document.state.format == format, document.state.options == rule.formatOptions {
            return document.state.isReadable
        }
        document.state.format = format
        document.state.options = rule.formatOptions
        document.text = message.payload.baseAddress!.assumingMemoryBound(to: UInt8.self)
        document.tape.clear()
        if format == .json {
            document.state.outcome = formats.scanner.scan(
                document.text, count: message.payload.count, readable: readable, into: &document.tape)
            document.state.isReadable = document.state.outcome == .complete
        } else {
            document.state.isReadable = layOther(rule, as: format, readable: readable, &batch)
        }
        lookups.forgetNodes()
        return document.state.isReadable
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
                document.state.options = .min
                var node = Tape.Node()
                node.next = 1
                _ = document.tape.append(node)
                return true
            case .form: try FormFormat.lay(message.payload, into: &formats.writer)
            case .split:
                try SplitFormat.lay(
                    message.payload, plan.formats[UInt32(rule.formatOptions)], plan, into: &formats.writer)
            case .lines:
                try LinesFormat.lay(
                    message.payload, plan.formats[UInt32(rule.formatOptions)], plan, formats.lineHoles.pointer,
                    into: &formats.writer)
            case .influx: try InfluxFormat.lay(message.payload, into: &formats.writer)
            case .hj212:
                if document.state.index == 0 {
                    let fault = try HJ212Format.findPackets(in: message.payload, into: &formats.packets)
                    document.state.count = formats.packets.count
                    if let fault, !document.state.hasRemark {
                        document.state.hasRemark = true
                        reject(fault.reason, fault.detail, &batch)
                    }
                }
                try HJ212Format.lay(message.payload, formats.packets[document.state.index], into: &formats.writer)
            case .cbor: try CBORFormat.lay(message.payload, into: &formats.writer)
            case .senml: try laySenML(readable: readable)
            case .sparkplug:
                try SparkplugFormat.lay(
                    message.payload, topic: message.topic, &memory.sparkplug, limits, into: &formats.writer)
                if SparkplugFormat.isBirth(message.topic) { remember(&batch, keeps: true) }
            }
        } catch {
            document.fault = error
            return false
        }
        swap(&document.tape, &formats.writer.tape)
        document.text = UnsafePointer(formats.writer.bytes)
        return true
    }

    /// A pack in JSON or CBOR is laid on a tape of its own first; resolved, it becomes the document.
    private mutating func laySenML(readable: Int) throws(FormatFault) {
        var base = document.text
        if SenMLFormat.isCBOR(message.payload) {
            try CBORFormat.lay(message.payload, bytesAs: .base64, into: &formats.senmlSource)
            base = UnsafePointer(formats.senmlSource.bytes)
        } else {
            formats.senmlSource.begin(payloadBytes: message.payload.count)
            let outcome = formats.scanner.scan(
                document.text, count: message.payload.count, readable: readable, into: &formats.senmlSource.tape)
            guard outcome == .complete else {
                document.state.outcome = outcome
                document.fault = nil
                throw documentFault
            }
        }
        try SenMLFormat.lay(
            formats.senmlSource.tape, text: base, payloadBytes: message.payload.count, receivedAt: message.receivedAt,
            &scratch.arena, into: &formats.writer)
    }

    /// One value on the tape: the payload as text, without the blanks and NUL bytes around it.
    private mutating func layText() -> Bool {
        guard UTF8Check.isValid(document.text, count: message.payload.count) else { return false }
        var start = 0
        var end = message.payload.count
        while start < end, document.text[start] <= 0x20 { start += 1 }
        while end > start, document.text[end - 1] <= 0x20 { end -= 1 }
        var node = Tape.Node()
        node.kind = .text
        node.start = UInt32(start)
        node.count = UInt32(end - start)
        node.next = 1
        _ = document.tape.append(node)
        return true
    }

    /// Why the payload is not of the format that was tried last.
    var documentFault: FormatFault {
        switch document.state.outcome {
        case _ where document.fault != nil: document.fault!
        case .malformed(let offset): FormatFault(.malformed, "not JSON from byte \(offset) on")
        case .tooDeep: FormatFault(.tooLarge, "nested deeper than \(limits.nestingMax) levels")
        case .tooManyValues: FormatFault(.tooLarge, "more than \(limits.nodesMax) values")
        case .complete: FormatFault(.malformed, "the payload is not of the format that the profile names")
        }
    }
}
