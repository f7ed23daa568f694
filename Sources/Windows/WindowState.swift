import Basics
import Telemetry

// State to bytes and back: little endian, version first. Version 2 is written; version 1, which kept plain panes of fixed
// windows, is still read.

extension WindowTable {
    /// Everything the table knows, so that a restart resumes where it stopped.
    public func state() -> [UInt8] {
        var writer = StateWriter()
        writer.append(UInt32(2))
        writer.append(plan.windows)
        let quantities = plan.quantities.sorted { $0.key.name < $1.key.name }
        writer.append(UInt16(quantities.count))
        for (quantity, windows) in quantities {
            writer.append(block: Array(quantity.name.utf8))
            writer.append(windows)
        }
        let layouts = layouts
        writer.append(UInt16(layouts.count))
        for windows in layouts { writer.append(windows) }
        let numbers = Dictionary(uniqueKeysWithValues: layouts.enumerated().map { ($1, UInt16($0)) })
        var numberOf: [UnsafePointer<Layout>: UInt16] = [:]
        writer.append(UInt32(records.count))
        for record in records {
            let number = numberOf[record.layout] ?? numbers[record.layout.pointee.plan] ?? 0
            numberOf[record.layout] = number
            writer.append(number)
            writer.append(record)
        }
        return writer.bytes
    }

    /// The table that `state` described, under `plan`, or under the one that the state was made under. `traits` tells what
    /// each series is, by its number; its cadence decides anew how fine its panes are.
    ///
    /// A window whose panes are as before goes on. One with other panes is filled from finer ones where there are some
    /// that fit into its own, as far as they reach back, and begins empty else; so does a series of another kind. nil when
    /// the bytes are no state, or `traits` does not know a series; the caller then begins with an empty table.
    public init?(state: [UInt8], plan: WindowPlan? = nil, traits: (Int) -> SeriesTraits?) {
        var reader = StateReader(state)
        let version = reader.next(UInt32.self)
        let first = version == 1 ? FirstState(&reader, state.count) : nil
        let made = version == 2 ? WindowPlan(&reader) : first?.plan
        self.init(plan: plan ?? made ?? .standard)
        guard made != nil else { return nil }
        if let first {
            guard restore(first, &reader, traits) else { return nil }
        } else {
            guard restore(&reader, state.count, traits) else { return nil }
        }
    }

    private mutating func restore(_ reader: inout StateReader, _ bytes: Int, _ traits: (Int) -> SeriesTraits?) -> Bool {
        guard let layoutCount = reader.next(UInt16.self) else { return false }
        var layouts: [[WindowPlan.Window]] = []
        for _ in 0..<layoutCount {
            guard let windows = reader.windows() else { return false }
            layouts.append(windows)
        }
        // A series takes at least 30 bytes, which bounds what a damaged count can make us do.
        guard let count = reader.next(UInt32.self), Int(count) <= bytes / 30 else { return false }
        let shapes = layouts.map { windows in
            var panes: [Int64: Int] = [:]
            for window in windows {
                panes[window.paneMilliseconds] = max(panes[window.paneMilliseconds] ?? 0, window.paneCount)
            }
            return panes.sorted { $0.key < $1.key }.map { (milliseconds: $0.key, closedCount: $0.value - 1) }
        }
        for number in 0..<Int(count) {
            guard let layout = reader.next(UInt16.self), layouts.indices.contains(Int(layout)),
                let saved = reader.series(shapes[Int(layout)]), let its = traits(number)
            else { return false }
            open(its.quantity, cadence: its.cadence)
            if saved.kind == SeriesKind(its.quantity) { saved.restore(into: records[number]) }
        }
        return reader.isAtEnd
    }

    private mutating func restore(
        _ made: FirstState, _ reader: inout StateReader, _ traits: (Int) -> SeriesTraits?
    ) -> Bool {
        for number in 0..<made.seriesCount {
            guard let its = traits(number), let saved = made.series(&reader, SeriesKind(its.quantity)) else {
                return false
            }
            open(its.quantity, cadence: its.cadence)
            saved.restore(into: records[number])
        }
        return reader.isAtEnd
    }
}

extension WindowPlan {
    fileprivate init?(_ reader: inout StateReader) {
        guard let windows = reader.windows(), let count = reader.next(UInt16.self) else { return nil }
        var quantities: [Quantity: [Window]] = [:]
        for _ in 0..<count {
            guard let name = reader.nextBlock(), let list = reader.windows() else { return nil }
            // A word that the vocabulary has lost names no series any more.
            if let quantity = Quantity(named: String(decoding: name, as: UTF8.self)) { quantities[quantity] = list }
        }
        self.init(windows, quantities: quantities)
    }
}

// MARK: Writing

extension StateWriter {
    fileprivate mutating func append(_ windows: [WindowPlan.Window]) {
        append(UInt8(windows.count))
        for window in windows {
            append(window.length.milliseconds)
            append(UInt16(window.paneCount))
        }
    }

    fileprivate mutating func append(_ value: Double) { append(value.bitPattern) }

    fileprivate mutating func append(_ pane: Pane) {
        append(pane.count)
        append(pane.firstOffset)
        append(pane.lastOffset)
        append(pane.squares.bitPattern)
        for value in [pane.mean, pane.min, pane.max, pane.first, pane.last] { append(value) }
        append(pane.extra)
    }

    fileprivate mutating func append(_ head: SketchHead, _ bins: UnsafePointer<UInt16>) {
        append(head.thinning)
        guard head.thinning != SketchHead.empty else { return }
        append(head.base)
        append(head.scale)
        append(head.epoch)
        for bin in 0..<SketchHead.bins { append(bins[bin]) }
    }

    fileprivate mutating func append(_ record: SeriesRecord) {
        let header = record.header.pointee
        append(header.kind.rawValue)
        append(header.cadenceMilliseconds)
        append(header.newestMilliseconds)
        append(header.newestValue)
        append(UInt8(record.keptCount))
        for index in 0..<record.keptCount {
            let sample = record.kept(index)
            append(sample.milliseconds)
            append(sample.value)
        }
        for index in 0..<record.layout.pointee.ringCount {
            let ring = record.layout.pointee.rings[index]
            let open = record.open[index]
            append(open.epoch)
            guard open.epoch != OpenPane.never else { continue }
            append(record.revisions[index])
            append(open.pane)
            append(open.squares)
            append(open.sketch, record.bins(index))
            append(record.lateHeads[index], record.lateBins(index))
            let epochs = (Int64(open.epoch) - Int64(ring.closedCount)..<Int64(open.epoch)).filter {
                open.isFilled($0)
            }
            append(UInt8(epochs.count))
            for epoch in epochs {
                append(Int32(truncatingIfNeeded: epoch))
                append(record.closed[ring.slot(of: epoch)])
            }
        }
    }
}

// MARK: Reading

extension StateReader {
    fileprivate mutating func windows() -> [WindowPlan.Window]? {
        guard let count = next(UInt8.self) else { return nil }
        var windows: [WindowPlan.Window] = []
        for _ in 0..<count {
            guard let length = next(Int64.self), let paneCount = next(UInt16.self),
                WindowPlan.Window.isPossible(milliseconds: length, paneCount: Int64(paneCount))
            else { return nil }
            windows.append(WindowPlan.Window(length: .milliseconds(length), paneCount: Int(paneCount)))
        }
        return WindowPlan.isPossible(windows) ? windows : nil
    }

    mutating func value() -> Double? { next(UInt64.self).map { Double(bitPattern: $0) } }

    fileprivate mutating func pane() -> Pane? {
        var pane = Pane()
        guard let count = next(UInt32.self), let firstOffset = next(Int32.self), let lastOffset = next(Int32.self),
            let squares = next(UInt32.self), let mean = value(), let min = value(), let max = value(),
            let first = value(), let last = value(), let extra = next(UInt64.self)
        else { return nil }
        pane.count = count
        pane.firstOffset = firstOffset
        pane.lastOffset = lastOffset
        pane.squares = Float(bitPattern: squares)
        (pane.mean, pane.min, pane.max, pane.first, pane.last, pane.extra) = (mean, min, max, first, last, extra)
        return pane
    }

    fileprivate mutating func sketchHead(_ bins: inout [UInt16]) -> SketchHead? {
        var head = SketchHead(epoch: OpenPane.never)
        guard let thinning = next(UInt16.self) else { return nil }
        head.thinning = thinning
        guard thinning != SketchHead.empty else { return head }
        guard let base = next(Int64.self), let scale = next(Int16.self), let epoch = next(Int32.self) else {
            return nil
        }
        (head.base, head.scale, head.epoch) = (base, scale, epoch)
        for bin in 0..<SketchHead.bins {
            guard let count = next(UInt16.self) else { return nil }
            bins[bin] = count
        }
        return head
    }

    fileprivate mutating func series(_ shape: [(milliseconds: Int64, closedCount: Int)]) -> SavedSeries? {
        guard let kind = next(UInt8.self).flatMap({ SeriesKind(rawValue: $0) }), next(UInt32.self) != nil,
            let newest = next(Int64.self), let newestValue = value(), let keptCount = next(UInt8.self)
        else { return nil }
        var saved = SavedSeries(kind: kind)
        if newest != SeriesHeader.nothing { saved.newest = (newest, newestValue) }
        for _ in 0..<keptCount {
            guard let moment = next(Int64.self), let value = value() else { return nil }
            saved.kept.append((moment, value))
        }
        for (milliseconds, _) in shape {
            var ring = SavedSeries.Ring(paneMilliseconds: milliseconds)
            guard let epoch = next(Int32.self) else { return nil }
            ring.open.epoch = epoch
            if epoch != OpenPane.never {
                guard let revisions = next(UInt32.self), let pane = self.pane(), let squares = value(),
                    let sketch = sketchHead(&ring.bins), let late = sketchHead(&ring.lateBins),
                    let closedCount = next(UInt8.self)
                else { return nil }
                ring.revisions = revisions
                ring.open.pane = pane
                ring.open.squares = squares
                ring.open.sketch = sketch
                ring.open.epoch = epoch
                ring.late = late
                for _ in 0..<closedCount {
                    guard let epoch = next(Int32.self), let pane = self.pane() else { return nil }
                    ring.closed.append((epoch, pane))
                }
            }
            saved.rings.append(ring)
        }
        return saved.isPossible(shape.map(\.closedCount)) ? saved : nil
    }
}
