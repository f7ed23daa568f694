import Basics
import Telemetry

extension MessageDecoder {
    /// What a fold has seen so far.
    private struct Fold {
        var kind = CalcStep.Kind.sum
        var count = 0
        var value = 0.0
    }

    /// The result of a calculation. A missing operand makes it missing, but `sum`, `min`, `max` and `mean` leave missing
    /// values out; so does a result that is no number, such as that of a division by zero.
    mutating func calculate(_ steps: Run, missing: Run) -> Numeric {
        var stack = InlineArray<32, Double>(repeating: 0)
        var folds = InlineArray<4, Fold>(repeating: Fold())
        var (top, foldCount) = (0, 0)
        for index in steps.range {
            let step = plan.calculation[index]
            switch step.kind {
            case .number:
                stack[top] = step.number
                top += 1
            case .reference:
                switch value(of: step.reference).map({ operand($0, missing) }) ?? .missing {
                case .value(let number): stack[top] = number
                case .missing: stack[top] = .nan
                case .wrong: return .wrong
                }
                top += 1
            case .sum, .min, .max, .mean:
                folds[foldCount] = Fold(kind: step.kind)
                foldCount += 1
            case .take:
                top -= 1
                fold(stack[top], into: &folds[foldCount - 1])
            case .takeAll:
                guard foldAll(plan.references[step.reference], missing, into: &folds[foldCount - 1]) else {
                    return .wrong
                }
            case .end:
                foldCount -= 1
                let done = folds[foldCount]
                stack[top] = done.count == 0 ? .nan : done.kind == .mean ? done.value / Double(done.count) : done.value
                top += 1
            case .choose:
                top -= 2
                let condition = stack[top - 1]
                stack[top - 1] = condition.isNaN ? .nan : condition != 0 ? stack[top] : stack[top + 1]
            case .negate, .abs, .sqrt, .ln, .log10, .exp, .round, .floor:
                stack[top - 1] = Self.result(step.kind, of: stack[top - 1])
            case .add, .subtract, .multiply, .divide, .power, .less, .lessOrEqual, .greater, .greaterOrEqual, .equal,
                .unequal:
                top -= 1
                stack[top - 1] = Self.result(step.kind, stack[top - 1], stack[top])
            }
        }
        return stack[0].isFinite ? .value(stack[0]) : .missing
    }

    private mutating func operand(_ value: Scalar, _ missing: Run) -> Numeric {
        let number = numeric(value)
        if case .value(let number) = number, missing.range.contains(where: { plan.numbers[$0] == number }) {
            return .missing
        }
        return number
    }

    private func fold(_ value: Double, into fold: inout Fold) {
        guard !value.isNaN else { return }
        switch fold.kind {
        case .min: fold.value = fold.count == 0 ? value : Swift.min(fold.value, value)
        case .max: fold.value = fold.count == 0 ? value : Swift.max(fold.value, value)
        default: fold.value += value
        }
        fold.count += 1
    }

    /// False where a value is no number.
    private mutating func foldAll(_ reference: Reference, _ missing: Run, into fold: inout Fold) -> Bool {
        let first = scratch.matches.count
        collect(reference)
        defer { scratch.matches.removeSubrange(first...) }
        for index in first..<scratch.matches.count {
            switch operand(scalar(of: Int(scratch.matches[index].node)), missing) {
            case .value(let number): self.fold(number, into: &fold)
            case .missing: break
            case .wrong: return false
            }
        }
        return true
    }

    private static func result(_ kind: CalcStep.Kind, of value: Double) -> Double {
        switch kind {
        case .negate: -value
        case .abs: value.magnitude
        case .sqrt: value.squareRoot()
        case .ln: Logarithm.natural(value)
        case .log10: Logarithm.decimal(value)
        case .exp: Logarithm.exponential(value)
        case .round: value.rounded()
        case .floor: value.rounded(.down)
        default: .nan
        }
    }

    private static func result(_ kind: CalcStep.Kind, _ left: Double, _ right: Double) -> Double {
        switch kind {
        case .add: return left + right
        case .subtract: return left - right
        case .multiply: return left * right
        case .divide: return left / right
        case .power: return Logarithm.power(left, right)
        default: break
        }
        guard !left.isNaN, !right.isNaN else { return .nan }
        let holds =
            switch kind {
            case .less: left < right
            case .lessOrEqual: left <= right
            case .greater: left > right
            case .greaterOrEqual: left >= right
            case .equal: left == right
            case .unequal: left != right
            default: false
            }
        return holds ? 1 : 0
    }
}
