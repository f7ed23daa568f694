import Basics
import Telemetry

/// What births told of the metrics that later messages name by an alias, by node and device.
///
/// A value made of nothing but the births: they are kept over a restart, and decoding them makes it again.
struct SparkplugMemory {
    /// The metrics of one birth.
    struct Metrics {
        private var names: [UInt8] = []
        private var metrics: [(name: Range<Int>, datatype: UInt32)] = []
        private var byAlias: [UInt64: Int] = [:]
        private var byName: [[UInt8]: Int] = [:]

        var count: Int { metrics.count }

        mutating func add(_ name: UnsafeRawBufferPointer, alias: UInt64?, datatype: UInt32) {
            let start = names.count
            names.append(contentsOf: name)
            byName[Array(name)] = metrics.count
            if let alias { byAlias[alias] = metrics.count }
            metrics.append((start..<names.count, datatype))
        }

        func position(alias: UInt64?, name: UnsafeRawBufferPointer?) -> Int? {
            if let alias, let known = byAlias[alias] { return known }
            return name.flatMap { byName[Array($0)] }
        }

        func datatype(at position: Int) -> UInt32 { metrics[position].datatype }

        func withName<R>(
            at position: Int, _ body: (UnsafeRawBufferPointer) throws(FormatFault) -> R
        ) throws(FormatFault) -> R {
            let name = metrics[position].name
            var result: Result<R, FormatFault>?
            names.withUnsafeBytes { names in
                result = Result { () throws(FormatFault) in try body(UnsafeRawBufferPointer(rebasing: names[name])) }
            }
            return try result!.get()
        }
    }

    private struct Node {
        var metrics = Metrics()
        var bdSeq: UInt64?
        var bornAt: UInt64?
        var devices: [[UInt8]: Metrics] = [:]
    }

    /// By group and node, as they stand in the topic.
    private var nodes: [[UInt8]: Node] = [:]
    /// Nodes and devices.
    private(set) var deviceCount = 0
    private(set) var metricCount = 0

    /// Notes a birth of a node, or of a device where `device` is given, in place of the one before.
    ///
    /// The birth of a node ends what is known of its devices: their aliases may be given anew. The same birth once
    /// more (same time) changes nothing about them.
    mutating func note(
        _ metrics: Metrics, of node: [UInt8], device: [UInt8]?, bdSeq: UInt64?, at moment: UInt64?,
        _ limits: DecodingLimits
    ) throws(FormatFault) {
        var entry = nodes[node] ?? Node()
        var gone = (devices: 0, metrics: 0)
        var come = nodes[node] == nil ? 1 : 0
        if let device {
            if let old = entry.devices[device] { gone.metrics = old.count } else { come += 1 }
            entry.devices[device] = metrics
        } else {
            gone.metrics = entry.metrics.count
            if entry.bornAt != moment || entry.bdSeq != bdSeq {
                gone.devices = entry.devices.count
                gone.metrics += entry.devices.values.reduce(0) { $0 + $1.count }
                entry.devices = [:]
            }
            entry.metrics = metrics
            entry.bdSeq = bdSeq
            entry.bornAt = moment
        }
        let devicesAfter = deviceCount - gone.devices + come
        let metricsAfter = metricCount - gone.metrics + metrics.count
        guard come == 0 || devicesAfter <= limits.sparkplugDevicesMax else {
            throw FormatFault(
                .cardinality, "the limit of \(limits.sparkplugDevicesMax) Sparkplug nodes and devices is reached")
        }
        guard metricsAfter <= max(metricCount, limits.sparkplugMetricsMax) else {
            throw FormatFault(.cardinality, "the limit of \(limits.sparkplugMetricsMax) Sparkplug metrics is reached")
        }
        nodes[node] = entry
        (deviceCount, metricCount) = (devicesAfter, metricsAfter)
    }

    func metrics(of node: [UInt8], device: [UInt8]?) -> Metrics? {
        guard let device else { return nodes[node]?.metrics }
        return nodes[node]?.devices[device]
    }

    /// Whether a death is that of an earlier session: the node has been born again since.
    func isStale(death bdSeq: UInt64?, of node: [UInt8]) -> Bool {
        guard let bdSeq, let last = nodes[node]?.bdSeq else { return false }
        return bdSeq != last
    }

    /// The devices born since the last birth of their node, by name.
    func devices(of node: [UInt8]) -> [[UInt8]] {
        (nodes[node]?.devices.keys).map { $0.sorted { $0.lexicographicallyPrecedes($1) } } ?? []
    }
}
