import Basics
import City
import Detection

extension StateBlocks {
    /// Reads a state of versions 1 to 3, whose blocks had places instead of names; nil for any other.
    init?(placed bytes: [UInt8]) {
        var reader = StateReader(bytes)
        guard let version = reader.next(UInt32.self), (1...3).contains(version), let windows = reader.nextBlock(),
            let health = reader.nextBlock(), let clocks = version < 2 ? [] : reader.nextBlock(),
            let learnt = version < 3 ? [] : reader.nextBlock(), reader.isAtEnd
        else { return nil }
        self.init(isChecked: false)
        put(Pipeline.BlockName.windows, windows)
        put(Pipeline.BlockName.health, health)
        // A gateway that knew nothing of clocks, or watched nothing, left nothing.
        if !clocks.isEmpty { put(Pipeline.BlockName.clocks, clocks) }
        guard !learnt.isEmpty else { return }
        var parts = StateReader(learnt)
        for name in Pipeline.BlockName.watchers {
            guard let block = parts.nextBlock() else { return }
            put(name, block)
        }
    }
}
