import Basics
import Telemetry

// Which values of the message a rule looked at: what is left over, nothing read.

extension MessageDecoder {
    /// Everything that one reading of the profile asks for.
    mutating func use(_ reading: UnsafePointer<ReadingPlan>) {
        use(conditions: reading.pointee.conditions)
        for reference in reading.pointee.references.range { use(reference) }
        use(calculation: reading.pointee.calculation)
        if reading.pointee.unitChoice >= 0 {
            for reference in plan.unitChoices[UInt32(reading.pointee.unitChoice)].references.range { use(reference) }
        }
        if reading.pointee.exponent >= 0 { use(UInt32(reading.pointee.exponent)) }
        if reading.pointee.channel >= 0 { use(naming: UInt32(reading.pointee.channel)) }
        for candidate in reading.pointee.time.range {
            for reference in plan.times[candidate].references.range { use(reference) }
        }
    }

    mutating func use(_ position: UInt32) {
        let reference = plan.references[position]
        switch reference.base {
        case .item, .message:
            guard reference.iterates else {
                let node = node(at: position)
                if node >= 0 { trace?.used.insert(node) }
                return
            }
            let first = scratch.matches.count
            collect(reference)
            for match in scratch.matches[first...] { trace?.used.insert(match.node) }
            scratch.matches.removeSubrange(first...)
        case .template: use(template: reference.template)
        case .key, .index, .outerKey, .fact: break
        }
    }

    mutating func use(template position: UInt32) {
        for part in plan.templates[position].parts.range where plan.templateParts[part].kind == .reference {
            use(plan.templateParts[part].position)
        }
    }

    mutating func use(naming position: UInt32) {
        let naming = plan.namings[position]
        if naming.reference >= 0 { use(UInt32(naming.reference)) }
        if naming.template >= 0 { use(template: UInt32(naming.template)) }
    }

    mutating func use(calculation: Run) {
        for index in calculation.range {
            let step = plan.calculation[index]
            if step.kind == .reference || step.kind == .takeAll { use(step.reference) }
        }
    }

    mutating func use(conditions: Run) {
        for position in conditions.range { use(plan.conditions[position].reference) }
    }
}
