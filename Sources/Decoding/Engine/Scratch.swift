/// Room for what is made on the way from a document to its readings. What lies in it is good until the next message.
struct Scratch: ~Copyable {
    var arena = TextArena()
    /// Texts of the topic and of `capture`, by position.
    let captures: FixedArray<UnsafeRawBufferPointer>
    /// Values that a reference with `*` leads to; nested iterations stand behind each other.
    var matches: [Match] = []
    /// What a rule unwraps.
    var binary: [UInt8] = []
    /// Where the part of `binary` that may be read ends.
    var binaryEnd = 0

    struct Match {
        var node: Int32
        var iteration: ItemInHand.Iteration
    }

    init(capturesMax: Int) {
        captures = FixedArray(count: capturesMax, of: UnsafeRawBufferPointer(start: nil, count: 0))
    }
}
