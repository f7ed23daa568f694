/// How fast names may become known: devices, their series and channels, each a name.
///
/// A bucket of names that refills. The first start of a city of 50,000 devices with five series each is through within five
/// minutes, and a concentrator that speaks for 1,000 of them under one topic within a quarter of an hour; one topic under which
/// names are invented is stopped within 2,000 of them.
public struct NameRates: Hashable, Sendable {
    /// So many at once, and so many more as time goes.
    public struct Bucket: Hashable, Sendable {
        /// What a full bucket holds; at least 1.
        public var burst: Int
        /// By which it refills.
        public var perMinute: Int

        package init(burst: Int, perMinute: Int) {
            self.burst = burst
            self.perMinute = perMinute
        }
    }

    /// Of each topic by itself. What devices of the roster bring as a whole is in no bucket.
    public var perTopic = Bucket(burst: 2000, perMinute: 300)
    /// Of all topics together.
    public var inAll = Bucket(burst: 50_000, perMinute: 60_000)

    /// The rates as they stand above.
    public init() {}
}
