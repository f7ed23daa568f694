/// Answers that stay the same for a while, so that a batch of many items asks once.
struct Lookups: ~Copyable {
    /// Where the references into the whole message lead. An entry is good while it has the stamp of the document.
    private let nodes: FixedArray<Place>
    private var stamp: UInt32 = 0
    /// Channels whose names never change, by template; `unknown` before the first use in a batch.
    private let channels: FixedArray<UInt32>

    // Not private: Swift 6.3 writes a module that does not load where a private type fills in `FixedArray` here.
    struct Place {
        var stamp: UInt32
        var node: Int32
    }

    static let unknown = UInt32.max

    init(references: Int, templates: Int) {
        nodes = FixedArray(count: references, of: Place(stamp: 0, node: -1))
        channels = FixedArray(count: templates, of: Self.unknown)
    }

    /// Another batch may have another registry, which names its channels anew.
    func forgetChannels() { channels.fill(with: Self.unknown) }

    /// What references led to in the values before means nothing in those to come.
    mutating func forgetNodes() {
        stamp &+= 1
        if stamp == 0 {
            // After 2^32 of them the stamps start again; none of the old ones may look new.
            nodes.fill(with: Place(stamp: 0, node: -1))
            stamp = 1
        }
    }

    /// Where a reference leads; negative where it leads nowhere, nil where it was not followed yet.
    @inline(__always)
    func node(of reference: UInt32) -> Int32? {
        let place = nodes[Int(reference)]
        return place.stamp == stamp ? place.node : nil
    }

    @inline(__always)
    func note(_ node: Int32, of reference: UInt32) { nodes[Int(reference)] = Place(stamp: stamp, node: node) }

    @inline(__always)
    func channel(ofTemplate template: Int) -> UInt32 { channels[template] }

    func note(_ channel: UInt32, ofTemplate template: Int) { channels[template] = channel }
}
