import Basics
import Frames

/// A frame that was read to its end and matches its check value, as it is or with the one thing put right that is wrong.
///
/// What its row says beside the blob, the blob tells too, so of a row whose blob is right all of it is known. One flipped bit
/// in the blob or in the check value is found by the difference that it makes, see `CRC32C.flip`, and counts only where the
/// frame then decodes to its end and has the rows and the span that its row tells. The key is never put right: a frame
/// under another series or time than its own stays refused.
struct WholeFrame {
    /// With what was put right.
    let frame: FrameWalk.RawFrame
    /// One at least.
    let rows: RowBlock
    /// What was put right, for a sentence; nil where all is as it was written.
    private(set) var mend: String?

    var last: Int64 { rows.times[rows.count - 1] }

    /// Throws what is wrong with it where it cannot be put right.
    init(_ frame: FrameWalk.RawFrame) throws(Malformed) {
        do throws(Malformed) {
            (rows, self.frame) = (try Self.decode(frame), frame)
        } catch {
            guard let mended = Self.derived(frame) ?? Self.turnedBack(frame) else { throw error }
            self = mended
        }
    }

    private init(_ frame: FrameWalk.RawFrame, _ rows: RowBlock, mend: String) {
        (self.frame, self.rows, self.mend) = (frame, rows, mend)
    }

    /// Its rows, of which there is one at least.
    private static func decode(_ frame: FrameWalk.RawFrame) throws(Malformed) -> RowBlock {
        let block = try frame.blob.withUnsafeBytes { bytes -> Result<RowBlock, Malformed> in
            Result { () throws(Malformed) in try frame.row.open(bytes).rows() }
        }.get()
        let span = block.times[block.count - 1] - frame.key.time
        guard Int64(block.count) == frame.row.count, span == frame.row.span else {
            throw Malformed("it has \(block.count) rows over \(span) ms where its row says otherwise")
        }
        if frame.row.version < FrameRow.version, frame.row.version != frame.blob.first.map(Int64.init) {
            throw Malformed("it is not of version \(frame.row.version), as its row says")
        }
        return block
    }

    /// With what the blob tells of its row.
    private static func derived(_ frame: FrameWalk.RawFrame) -> WholeFrame? {
        guard frame.key.rawValue >= 0, let version = frame.blob.first.map(Int64.init) else { return nil }
        let decoded = frame.blob.withUnsafeBytes { bytes in
            try? FrameCodec.open(bytes, start: frame.key.time).rows()
        }
        guard let rows = decoded else { return nil }
        var right = frame
        right.row.span = rows.times[rows.count - 1] - frame.key.time
        right.row.count = Int64(rows.count)
        for version in [FrameRow.version, version] {
            right.row.version = version
            if frame.blob.withUnsafeBytes({ right.row.check($0) }) == frame.row.crc {
                return WholeFrame(
                    right, rows,
                    mend:
                        "its row says \(frame.row.count) rows over \(frame.row.span) ms, version \(frame.row.version), where "
                        + "it has \(right.row.count) over \(right.row.span) ms, version \(version)")
            }
        }
        return nil
    }

    /// With one bit of the blob or of the check value turned back.
    private static func turnedBack(_ frame: FrameWalk.RawFrame) -> WholeFrame? {
        guard (1...FrameRow.version).contains(frame.row.version) else { return nil }
        let made = frame.blob.withUnsafeBytes { frame.row.check($0) }
        var right = frame
        if (made ^ frame.row.crc).nonzeroBitCount == 1 {
            right.row.crc = made
        } else {
            guard let kept = UInt32(exactly: frame.row.crc) else { return nil }
            let before = frame.row.version < FrameRow.version ? 8 : 32
            let flip = CRC32C.flip(kept ^ UInt32(truncatingIfNeeded: made), bytes: before + frame.blob.count)
            guard case .checked(let byte, let bit) = flip, byte >= before else { return nil }
            right.blob[byte - before] ^= 1 << UInt8(bit)
        }
        guard let rows = try? decode(right) else { return nil }
        return WholeFrame(right, rows, mend: "one bit of it is flipped, and known")
    }
}
