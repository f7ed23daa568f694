import Basics
import Telemetry

/// Notices when a device that always sent a value sends it no more, as after a change of its firmware: nothing else
/// would tell, for an absent value is no fault.
///
/// Watched is, by device, the first rule that gave a reading: whether each of its readings (up to 64, those of `read`)
/// came with every message.
struct ShapeWatch {
    private struct Shape {
        /// Position of the rule, and one more; 0 before the first message.
        var rule: UInt32 = 0
        /// Messages in which `steady` held.
        var messages: UInt16 = 0
        /// Messages since in which `lost` was absent.
        var absences: UInt16 = 0
        /// Readings that came with every message so far.
        var steady: UInt64 = 0
        /// Those of them that the last messages lacked.
        var lost: UInt64 = 0
    }

    /// So many messages make a habit.
    static let habit: UInt16 = 100
    /// So many without are a change.
    static let change: UInt16 = 20

    private var shapes: [Shape] = []

    /// Notes which readings of the rule a message gave; returns those that are gone for good, once.
    @inline(__always)
    mutating func note(_ device: DeviceIndex, rule: UInt32, gave: UInt64) -> UInt64 {
        if device.index >= shapes.count { grow(to: device.index) }
        if shapes[device.index].rule == rule &+ 1, shapes[device.index].steady == gave {
            // The usual case: all that always came, and nothing that ever failed to.
            shapes[device.index].absences = 0
            if shapes[device.index].messages < Self.habit { shapes[device.index].messages &+= 1 }
            return 0
        }
        return noteOther(device, rule, gave)
    }

    @inline(never)
    private mutating func grow(to index: Int) {
        shapes.append(contentsOf: repeatElement(Shape(), count: index + 1 - shapes.count))
    }

    @inline(never)
    private mutating func noteOther(_ device: DeviceIndex, _ rule: UInt32, _ gave: UInt64) -> UInt64 {
        var shape = shapes[device.index]
        defer { shapes[device.index] = shape }
        if shape.rule == 0 {
            guard gave != 0 else { return 0 }
            shape = Shape(rule: rule &+ 1, messages: 1, steady: gave)
            return 0
        }
        guard shape.rule == rule &+ 1 else { return 0 }
        let absent = shape.steady & ~gave
        if absent == 0 {
            shape.absences = 0
            if shape.messages < Self.habit { shape.messages += 1 }
            return 0
        }
        guard shape.messages >= Self.habit else {
            // Never a habit.
            shape.steady &= gave
            shape.messages = 1
            return 0
        }
        shape.lost = shape.absences == 0 ? absent : shape.lost & absent
        shape.absences += 1
        guard shape.absences >= Self.change else { return 0 }
        let lost = shape.lost
        // From here on the new shape is learnt.
        shape = Shape(rule: rule &+ 1, messages: 1, steady: gave)
        return lost
    }
}

extension MessageDecoder {
    /// Reads all readings of a rule and watches which of them came.
    @inline(__always)
    mutating func readAll(
        _ rule: RulePlan, at position: UInt32, _ batch: inout DecodedBatch, _ registry: inout SeriesRegistry
    ) {
        var gave: UInt64 = 0
        var bit: UInt64 = 1
        for index in rule.readings.range {
            let before = batch.readings.count &+ batch.suspects.count
            read(plan.readings.pointer + Int(index), &batch, &registry)
            if batch.readings.count &+ batch.suspects.count > before { gave |= bit }
            bit &<<= 1
        }
        let lost = memory.shapes.note(item.device, rule: position, gave: gave)
        if lost != 0 { tellShape(rule, lost, &batch) }
    }

    @inline(never)
    private mutating func tellShape(_ rule: RulePlan, _ lost: UInt64, _ batch: inout DecodedBatch) {
        var names: [String] = []
        for (place, index) in rule.readings.range.enumerated() where place < 64 && lost >> UInt64(place) & 1 == 1 {
            let name = plan.readings[index].quantity.name
            if !names.contains(name) { names.append(name) }
        }
        reject(
            .shapeChanged,
            "\(names.joined(separator: ", ")): came with every message, and with none of the last \(ShapeWatch.change)",
            device: item.device, &batch)
    }
}
