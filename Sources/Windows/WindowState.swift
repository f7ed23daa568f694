package import Basics
import Telemetry

// State to bytes and back: little endian, version first. Version 2 is written; version 1, which kept plain panes of fixed
// windows, is still read.

extension WindowTable {
    /// Everything the table knows, so that a restart resumes where it stopped.
    public func state() -> [UInt8] {
        var writer = StateWriter(capacity: stateBytesMax)
        write(to: &writer)
        return writer.bytes
    }

    /// What `state` takes at most.
    package var stateBytesMax: Int {
        byteCount + records.count * Self.absentBytes + bareCount * Self.bareBytes + 65_536
    }

    /// The same as `state`, behind what is there.
    package func write(to writer: inout StateWriter) {
        writer.append(UInt32(2))
        writer.append(plan.windows)
        let quantities = plan.quantities.sorted { $0.key.name < $1.key.name }
        writer.append(UInt16(quantities.count))
        for (quantity, windows) in quantities {
            writer.append(block: Array(quantity.name.utf8))
            writer.append(windows)
        }
        let layouts = layouts
        // Those with windows, and the one that stands for what series without any said last.
        writer.append(UInt16(layouts.count + 1))
        for windows in layouts { writer.append(windows) }
        writer.append([Self.bareWindow])
        let numbers = Dictionary(uniqueKeysWithValues: layouts.enumerated().map { ($1, UInt16($0)) })
        var numberOf: [UnsafePointer<Layout>: UInt16] = [:]
        writer.append(UInt32(records.count))
        // The one with the most rings: readers of before count on 30 bytes a series.
        let absent = layouts.indices.max { Layout.ringCount(layouts[$0]) < Layout.ringCount(layouts[$1]) } ?? 0
        let absentRings = Layout.ringCount(layouts[absent])
        for (place, record) in records.enumerated() {
            guard let record else {
                if let last = bareSample(of: SeriesID(rawValue: UInt32(place))) {
                    writer.append(UInt16(layouts.count))
                    writer.append(last.milliseconds, last.value, inOne: Self.bareWindow)
                } else {
                    writer.append(UInt16(absent))
                    writer.appendAbsent(rings: absentRings)
                }
                continue
            }
            let number = numberOf[record.layout] ?? numbers[record.layout.pointee.plan] ?? 0
            numberOf[record.layout] = number
            writer.append(number)
            writer.append(record)
        }
    }

    /// Of a series that never spoke, with three rings; and of what one without windows said last.
    private static let (absentBytes, bareBytes) = (36, 125)
    /// Panes of five seconds fill those of nearly every window.
    private static let bareWindow = WindowPlan.Window(length: .seconds(5), paneCount: 1)

    /// The table that `state` described, under `plan`, or under the one that the state was made under. `traits` tells what
    /// each series is, by its number; its cadence decides anew how fine its panes are.
    ///
    /// A window whose panes are as before goes on. One with other panes is filled from finer ones where there are some
    /// that fit into its own, as far as they reach back, and begins empty else; so does a series of another kind. nil when
    /// the bytes are no state, or `traits` does not know a series; the caller then begins with an empty table.
    ///
    /// A series that never spoke has no windows yet. Where `budget` has no room for all, those that are expected go first,
    /// then those that were heard last; of the others the newest sample is known (`refusedCount`).
    public init?(
        state: [UInt8], plan: WindowPlan? = nil, budget: WindowBudget = WindowBudget(), traits: (Int) -> SeriesTraits?
    ) {
        var reader = StateReader(state)
        let version = reader.next(UInt32.self)
        let first = version == 1 ? FirstState(&reader, state.count) : nil
        let made = version == 2 ? WindowPlan(&reader) : first?.plan
        self.init(plan: plan ?? made ?? .standard, budget: budget)
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
        // A series takes at least 28 bytes, which bounds what a damaged count can make us do.
        guard let count = reader.next(UInt32.self), Int(count) <= bytes / 28 else { return false }
        let shapes = layouts.map { windows in
            var panes: [Int64: Int] = [:]
            for window in windows {
                panes[window.paneMilliseconds] = max(panes[window.paneMilliseconds] ?? 0, window.paneCount)
            }
            return panes.sorted { $0.key < $1.key }.map { (milliseconds: $0.key, closedCount: $0.value - 1) }
        }
        /// Calls `body` with each series and what it is; false where the bytes are no state.
        func forEach(_ reader: inout StateReader, _ body: (Int, SavedSeries, SeriesTraits) -> Void) -> Bool {
            for number in 0..<Int(count) {
                guard let layout = reader.next(UInt16.self), layouts.indices.contains(Int(layout)),
                    let saved = reader.series(shapes[Int(layout)]), let its = traits(number)
                else { return false }
                body(number, saved, its)
            }
            return reader.isAtEnd
        }
        declare(Int(count))
        var choice = WindowChoice()
        if !budget.isUnlimited {
            var ahead = reader
            var sizes: [[WindowPlan.Window]: Int] = [:]
            let isState = forEach(&ahead) { number, saved, its in
                guard let newest = saved.newest else { return }
                let windows = windows(of: its.quantity, cadence: its.cadence)
                let bytes = sizes[windows] ?? WindowPlan.bytes(of: windows)
                sizes[windows] = bytes
                choice.add(number, heard: newest.milliseconds, its.isExpected, bytes: bytes)
            }
            guard isState else { return false }
            choice.settle(budget)
        }
        return forEach(&reader) { number, saved, its in
            let series = SeriesID(rawValue: UInt32(number))
            guard let newest = saved.newest else {
                // It has windows and said nothing yet: it gets them again when it speaks, where room is dear.
                if budget.isUnlimited, !saved.isAbsent { open(series, its.quantity, cadence: its.cadence) }
                return
            }
            guard choice.has(number), open(series, its.quantity, cadence: its.cadence), let record = records[number]
            else {
                return noteRefused(series, newest.milliseconds, newest.value)
            }
            if saved.kind == SeriesKind(its.quantity) { saved.restore(into: record) }
        }
    }

    private mutating func restore(
        _ made: FirstState, _ reader: inout StateReader, _ traits: (Int) -> SeriesTraits?
    ) -> Bool {
        for number in 0..<made.seriesCount {
            guard let its = traits(number), let saved = made.series(&reader, SeriesKind(its.quantity)) else {
                return false
            }
            declare(number + 1)
            let series = SeriesID(rawValue: UInt32(number))
            guard let newest = saved.newest else {
                if budget.isUnlimited { open(series, its.quantity, cadence: its.cadence) }
                continue
            }
            if open(series, its.quantity, cadence: its.cadence), let record = records[number] {
                saved.restore(into: record)
            } else {
                noteRefused(series, newest.milliseconds, newest.value)
            }
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

    /// A series that never spoke, as an older gateway reads it.
    fileprivate mutating func appendAbsent(rings: Int) {
        append(SeriesKind.gauge.rawValue)
        append(UInt32(0))
        append(SeriesHeader.nothing)
        append(SavedSeries.absentValue)
        append(UInt8(0))
        for _ in 0..<rings { append(OpenPane.never) }
    }

    /// A series of which nothing is known but its last sample, as a series that spoke once. Its kind is told by who reads it.
    fileprivate mutating func append(_ milliseconds: Int64, _ value: Double, inOne window: WindowPlan.Window) {
        append(SeriesKind.gauge.rawValue)
        append(UInt32(0))
        append(milliseconds)
        append(value)
        append(UInt8(1))
        append(milliseconds)
        append(value)
        let epoch = milliseconds.flooredDivision(by: window.paneMilliseconds)
        append(Int32(truncatingIfNeeded: epoch))
        append(UInt32(0))
        let offset = Int32(truncatingIfNeeded: milliseconds - epoch * window.paneMilliseconds)
        append(Pane(value, at: offset, .gauge, CirclePart(value, .gauge)))
        append(0.0)
        append(SketchHead.empty)
        append(SketchHead.empty)
        append(UInt8(0))
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
        var saved = SavedSeries(kind: kind, isAbsent: newest == SeriesHeader.nothing && newestValue.isNaN)
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
