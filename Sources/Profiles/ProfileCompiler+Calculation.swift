import Basics
import Decoding
import Settings
import Telemetry

extension ProfileCompiler {
    /// A calculation such as `({/energy} - $offset) / 1000` as steps; nil, and a mistake, where it does not read.
    mutating func compileCalculation(_ setting: Setting, _ scope: Scope) -> Run? {
        guard let text = expanded(setting, scope) else { return nil }
        var parser = CalcParser(text)
        do {
            try parser.parse { name, isFolded throws(CalcParser.Fault) in
                guard let reference = reference(name, at: setting, scope) else { throw .alreadyNoted }
                if reference.iterates, !isFolded {
                    throw .expected("'*' only right inside sum, min, max or mean")
                }
                return (builder.add(one: reference, to: \.references), reference.iterates)
            } isCapture: {
                scope.captures[$0] != nil
            }
        } catch {
            switch error {
            case .alreadyNoted: break
            case .expected(let what):
                mistakes.append(setting.mistake("at character \(parser.column): expected \(what)"))
            }
            return nil
        }
        return builder.add(parser.steps, to: \.calculation)
    }
}

/// Parses arithmetic into steps.
///
///     comparison = sum [("<" | "<=" | ">" | ">=" | "==" | "!=") sum]
///     sum        = product {("+" | "-") product}
///     product    = power {("*" | "/") power}
///     power      = ["-"] value ["^" power]
///     value      = number | name | "$" name | "@index" | "{" reference "}" | function "(" list ")" | "(" comparison ")"
struct CalcParser {
    enum Fault: Error {
        case alreadyNoted
        case expected(String)
    }

    typealias Resolve = (_ name: String, _ isFolded: Bool) throws(Fault) -> (position: UInt32, iterates: Bool)

    private(set) var steps: [CalcStep] = []
    private let text: [Character]
    private var position = 0
    private var depth = 0
    private var depthMax = 0
    private var folds = 0
    /// Parentheses and functions within each other.
    private var nesting = 0

    private static let functions: [String: CalcStep.Kind] = [
        "abs": .abs, "sqrt": .sqrt, "ln": .ln, "log10": .log10, "exp": .exp, "round": .round, "floor": .floor,
    ]
    private static let folding: [String: CalcStep.Kind] = ["sum": .sum, "min": .min, "max": .max, "mean": .mean]
    static let functionNames = (functions.keys.map { $0 } + folding.keys.map { $0 } + ["if"]).sorted()

    init(_ text: String) { self.text = Array(text) }

    /// Of the place read so far, from 1.
    var column: Int { position + 1 }

    mutating func parse(_ resolve: Resolve, isCapture: (String) -> Bool) throws(Fault) {
        try comparison(resolve, isCapture)
        skipBlanks()
        guard position == text.count else { throw .expected("an operator or the end") }
        guard depthMax <= CalcStep.depthMax else { throw .expected("a simpler calculation") }
    }

    private mutating func comparison(_ resolve: Resolve, _ isCapture: (String) -> Bool) throws(Fault) {
        nesting += 1
        defer { nesting -= 1 }
        guard nesting <= 24 else { throw .expected("fewer parentheses within each other") }
        try sum(resolve, isCapture)
        let operators: [(String, CalcStep.Kind)] = [
            ("<=", .lessOrEqual), (">=", .greaterOrEqual), ("==", .equal), ("!=", .unequal), ("<", .less),
            (">", .greater),
        ]
        for (sign, kind) in operators where take(sign) {
            try sum(resolve, isCapture)
            combine(kind)
            return
        }
    }

    private mutating func sum(_ resolve: Resolve, _ isCapture: (String) -> Bool) throws(Fault) {
        try product(resolve, isCapture)
        while true {
            let kind: CalcStep.Kind
            if take("+") { kind = .add } else if take("-") { kind = .subtract } else { return }
            try product(resolve, isCapture)
            combine(kind)
        }
    }

    private mutating func product(_ resolve: Resolve, _ isCapture: (String) -> Bool) throws(Fault) {
        try power(resolve, isCapture)
        while true {
            let kind: CalcStep.Kind
            if take("*") { kind = .multiply } else if take("/") { kind = .divide } else { return }
            try power(resolve, isCapture)
            combine(kind)
        }
    }

    private mutating func power(_ resolve: Resolve, _ isCapture: (String) -> Bool) throws(Fault) {
        nesting += 1
        defer { nesting -= 1 }
        guard nesting <= 48 else { throw .expected("a simpler calculation") }
        if take("-") {
            try power(resolve, isCapture)
            steps.append(CalcStep(kind: .negate))
            return
        }
        try value(resolve, isCapture)
        if take("^") {
            try power(resolve, isCapture)
            combine(.power)
        }
    }

    private mutating func value(_ resolve: Resolve, _ isCapture: (String) -> Bool) throws(Fault) {
        skipBlanks()
        guard position < text.count else { throw .expected("a number, a name or '('") }
        let first = text[position]
        if first == "(" {
            position += 1
            try comparison(resolve, isCapture)
            guard take(")") else { throw .expected("')'") }
        } else if first.isNumber || first == "." {
            push(CalcStep(kind: .number, number: try number()))
        } else if first == "{" {
            let (found, _) = try resolve(try braced(), false)
            push(CalcStep(kind: .reference, reference: found))
        } else if first == "$" || first == "@" {
            position += 1
            let (found, _) = try resolve(String(first) + name(), false)
            push(CalcStep(kind: .reference, reference: found))
        } else if first.isLetter || first == "_" {
            let name = name()
            skipBlanks()
            if position < text.count, text[position] == "(" {
                position += 1
                try call(name, resolve, isCapture)
            } else {
                let (found, _) = try resolve(isCapture(name) ? name : "/" + name, false)
                push(CalcStep(kind: .reference, reference: found))
            }
        } else {
            throw .expected("a number, a name or '('")
        }
    }

    private mutating func call(_ name: String, _ resolve: Resolve, _ isCapture: (String) -> Bool) throws(Fault) {
        if let kind = Self.functions[name] {
            try comparison(resolve, isCapture)
            steps.append(CalcStep(kind: kind))
        } else if let kind = Self.folding[name] {
            folds += 1
            guard folds <= CalcStep.foldsMax else { throw .expected("fewer sums within each other") }
            steps.append(CalcStep(kind: kind))
            repeat {
                skipBlanks()
                if position < text.count, text[position] == "{" {
                    // A reference by itself may have many values.
                    let before = position
                    let reference = try braced()
                    skipBlanks()
                    if position < text.count, text[position] == "," || text[position] == ")" {
                        let (found, iterates) = try resolve(reference, true)
                        if iterates {
                            steps.append(CalcStep(kind: .takeAll, reference: found))
                        } else {
                            push(CalcStep(kind: .reference, reference: found))
                            steps.append(CalcStep(kind: .take))
                            depth -= 1
                        }
                        continue
                    }
                    position = before
                }
                try comparison(resolve, isCapture)
                steps.append(CalcStep(kind: .take))
                depth -= 1
            } while take(",")
            folds -= 1
            push(CalcStep(kind: .end))
        } else if name == "if" {
            try comparison(resolve, isCapture)
            for _ in 0..<2 {
                guard take(",") else { throw .expected("if(condition, then, else)") }
                try comparison(resolve, isCapture)
            }
            steps.append(CalcStep(kind: .choose))
            depth -= 2
        } else {
            let hint = nearest(to: name, in: Self.functionNames).map { "; did you mean '\($0)'?" } ?? ""
            throw .expected("one of \(Self.functionNames.joined(separator: ", ")) before '('\(hint)")
        }
        guard take(")") else { throw .expected("')'") }
    }

    private mutating func push(_ step: CalcStep) {
        steps.append(step)
        depth += 1
        depthMax = max(depthMax, depth)
    }

    private mutating func combine(_ kind: CalcStep.Kind) {
        steps.append(CalcStep(kind: kind))
        depth -= 1
    }

    private mutating func skipBlanks() {
        while position < text.count, text[position].isWhitespace { position += 1 }
    }

    private mutating func take(_ sign: String) -> Bool {
        skipBlanks()
        let characters = Array(sign)
        guard position + characters.count <= text.count,
            text[position..<position + characters.count].elementsEqual(characters)
        else { return false }
        position += characters.count
        return true
    }

    private mutating func name() -> String {
        let start = position
        while position < text.count, text[position].isLetter || text[position].isNumber || text[position] == "_" {
            position += 1
        }
        return String(text[start..<position])
    }

    private mutating func braced() throws(Fault) -> String {
        guard let close = text[position...].firstIndex(of: "}") else { throw .expected("'}' after '{'") }
        defer { position = close + 1 }
        return String(text[position + 1..<close])
    }

    private mutating func number() throws(Fault) -> Double {
        let start = position
        while position < text.count {
            let sign = text[position]
            let isExponentSign =
                (sign == "-" || sign == "+") && position > start && "eE".contains(text[position - 1])
                && !text[start..<position].starts(with: "0x")
            guard sign.isLetter || sign.isNumber || sign == "." || isExponentSign else { break }
            position += 1
        }
        let written = String(text[start..<position])
        if written.hasPrefix("0x"), let whole = UInt64(written.dropFirst(2), radix: 16) { return Double(whole) }
        if let number = written.utf8Bytes({ DecimalNumber.parse($0) }), number.isFinite { return number }
        position = start
        throw .expected("a number")
    }
}
