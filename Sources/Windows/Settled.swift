/// Panes merged from the oldest to the youngest: what a window comes to. 80 bytes.
///
/// A window merges its panes and never subtracts: subtraction would carry the rounding of one wild sample into every
/// later answer. Between two panes a counter grew and a state held, which belongs to neither and is added here.
///
/// Source: Chan, Golub and LeVeque (1983) for the moments.
struct Settled {
    /// The open pane that this goes with when it is kept from one summary to the next; `OpenPane.never` where it must be
    /// merged anew.
    var epoch = OpenPane.never
    var count: UInt32 = 0
    /// Of directions the mean of the sines.
    var mean = 0.0
    var squares = 0.0
    var min = Double.infinity
    var max = -Double.infinity
    /// As `Pane.extra`, but of quantile points, which are not merged here.
    var extra = 0.0
    /// Of a counter those believed, as `Pane.first`.
    var first = 0.0
    var last = 0.0
    /// Milliseconds since 1970.
    var firstAt: Int64 = 0
    var lastAt: Int64 = 0

    /// Adds a pane, younger than all before it, that begins at `start`.
    @inline(__always)
    mutating func merge(_ pane: Pane, squares: Double, from start: Int64, _ kind: SeriesKind) {
        let firstAt = start + Int64(pane.firstOffset)
        let isFirst = count == 0
        let added = Double(pane.count)
        let total = Double(count) + added
        if kind == .direction {
            mean += (pane.mean - mean) * added / total
            extra += (pane.extraValue - extra) * added / total
        } else {
            let apart = pane.mean - mean
            self.squares += squares + (isFirst ? 0 : apart * apart * Double(count) * added / total)
            mean = isFirst ? pane.mean : mean + apart * added / total
        }
        if isFirst {
            first = pane.first
            self.firstAt = firstAt
        }
        if kind == .counter {
            mergeCounter(pane, isFirst: isFirst)
        } else {
            if kind == .state { extra += pane.extraValue + (isFirst ? 0 : last * Double(firstAt - lastAt)) }
            last = pane.last
        }
        count &+= pane.count
        if pane.min < min { min = pane.min }
        if pane.max > max { max = pane.max }
        lastAt = start + Int64(pane.lastOffset)
    }
}
