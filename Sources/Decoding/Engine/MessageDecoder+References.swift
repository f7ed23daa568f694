import Basics
import Telemetry

extension MessageDecoder {
    /// The node that a reference without `*` leads to; negative where there is none, or where it leads to no node.
    @inline(__always)
    mutating func node(at position: UInt32) -> Int32 {
        let reference = plan.references[position]
        switch reference.base {
        case .item:
            return walk(reference.steps, from: Int32(truncatingIfNeeded: item.node))
        case .message:
            if let known = lookups.node(of: position) { return known }
            let node = walk(reference.steps, from: 0)
            lookups.note(node, of: position)
            return node
        case .key, .index, .outerKey, .template, .fact: return -1
        }
    }

    @inline(__always)
    private mutating func walk(_ steps: Run, from start: Int32) -> Int32 {
        var node = start
        var index = steps.start
        while index < steps.end {
            node = step(plan.steps[index], from: Int(node))
            if node < 0 { return -1 }
            index &+= 1
        }
        return node
    }

    @inline(__always)
    mutating func step(_ step: Step, from node: Int) -> Int32 {
        let container = document.tape.nodes[node]
        switch (container.kind, step.kind) {
        case (.object, .member): return member(step.word, of: node)
        case (.array, .member):
            guard step.element >= 0 else { return -1 }
            var child = node &+ 1
            var left = step.element
            while child < Int(container.next) {
                if left == 0 { return Int32(truncatingIfNeeded: child) }
                left &-= 1
                child = Int(document.tape.nodes[child].next)
            }
            return -1
        case (.array, .filter), (.object, .filter):
            var child = node &+ 1
            while child < Int(container.next) {
                if document.tape.nodes[child].kind == .object {
                    let key = member(step.word, of: child)
                    if key >= 0, isEqual(scalar(of: Int(key)), step.literal) {
                        return Int32(truncatingIfNeeded: child)
                    }
                }
                child = Int(document.tape.nodes[child].next)
            }
            return -1
        default: return -1
        }
    }

    /// The first member of that name; negative where there is none.
    @inline(__always)
    private mutating func member(_ word: Word, of object: Int) -> Int32 {
        var child = object &+ 1
        let end = Int(document.tape.nodes[object].next)
        while child < end {
            let node = document.tape.nodes + child
            if node.pointee.keyPrefix == word.prefix, node.pointee.keyCount == word.count,
                word.count <= 8 || isKey(node.pointee, word)
            {
                return Int32(truncatingIfNeeded: child)
            }
            if node.pointee.isKeyEscaped, isEscapedKey(node.pointee, word) {
                return Int32(truncatingIfNeeded: child)
            }
            child = Int(node.pointee.next)
        }
        return -1
    }

    private func isKey(_ node: Tape.Node, _ word: Word) -> Bool {
        plan.isEqual(word, keyBase(node) + Int(node.keyStart), count: Int(node.keyCount))
    }

    @inline(never)
    private mutating func isEscapedKey(_ node: Tape.Node, _ word: Word) -> Bool {
        guard Int(node.keyCount) <= Self.namedTextBytesMax, node.keyCount > word.count else { return false }
        let mark = scratch.arena.mark
        defer { scratch.arena.rewind(to: mark) }
        let key = unescaped(document.text + Int(node.keyStart), count: Int(node.keyCount))
        return key.count == Int(word.count)
            && plan.isEqual(word, key.baseAddress!.assumingMemoryBound(to: UInt8.self), count: key.count)
    }

    func keyBase(_ node: Tape.Node) -> UnsafePointer<UInt8> {
        node.isKeyOfPlan ? plan.bytes.pointer : document.text
    }

    /// Puts every node that a reference with `*` leads to on the stack of matches.
    mutating func collect(_ reference: Reference) {
        collect(
            reference.steps, from: reference.base == .message ? 0 : Int32(truncatingIfNeeded: item.node),
            iteration: item.iteration)
    }

    private mutating func collect(_ steps: Run, from start: Int32, iteration: ItemInHand.Iteration) {
        var node = start
        var index = steps.start
        while index < steps.end {
            let step = plan.steps[index]
            index &+= 1
            guard step.kind == .every else {
                node = self.step(step, from: Int(node))
                if node < 0 { return }
                continue
            }
            let container = document.tape.nodes[Int(node)]
            guard container.kind == .array || container.kind == .object else { return }
            let rest = Run(start: index, count: steps.end &- index)
            var child = Int(node) &+ 1
            var inner = ItemInHand.Iteration()
            while child < Int(container.next) {
                inner.index &+= 1
                inner.outerKeyNode = iteration.keyNode
                inner.keyNode = container.kind == .object ? Int32(truncatingIfNeeded: child) : -1
                // At most as deep as the reference has stars, which the loader bounds.
                collect(rest, from: Int32(truncatingIfNeeded: child), iteration: inner)
                child = Int(document.tape.nodes[child].next)
            }
            return
        }
        scratch.matches.append(Scratch.Match(node: node, iteration: iteration))
    }
}
