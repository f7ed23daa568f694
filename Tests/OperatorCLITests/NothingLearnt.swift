import Basics

/// The state of a gateway that has learnt nothing yet.
let nothingLearnt: [UInt8] = {
    var blocks = StateBlocks()
    for name in ["windows", "health", "clocks"] { blocks.put(name, []) }
    return blocks.bytes
}()
