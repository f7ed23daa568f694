import Basics
import Telemetry

/// Captured messages, parted into kinds by the shape of their topics and the keys of their payloads.
package struct MessageGroups: Sendable {
    /// Messages of one kind.
    package struct Group: Sendable {
        /// The first that came, up to twice `messagesPerGroupMax` where each has a topic of its own.
        package fileprivate(set) var messages: [CapturedMessage]
        /// Messages seen, those that were not kept included.
        package fileprivate(set) var count: Int
        /// Topics seen, at most `topicsMax`.
        package fileprivate(set) var topics: Set<String>
        fileprivate var levels: [String]
        fileprivate var kind: Kind
        fileprivate var keys: Set<String>
    }

    fileprivate enum Kind { case object, other }

    /// Messages kept of one group, groups, topics counted of one group, and bytes kept of all messages.
    package static let messagesPerGroupMax = 50
    /// See `messagesPerGroupMax`.
    package static let groupsMax = 100
    /// See `messagesPerGroupMax`.
    package static let topicsMax = 10_000
    /// See `messagesPerGroupMax`: 16 MiB.
    package static let bytesMax = 16 * 1024 * 1024

    /// In the order in which the kinds were first seen.
    package private(set) var groups: [Group] = []
    /// All messages that were seen.
    package private(set) var messageCount = 0
    /// Those of kinds for which there was no room.
    package private(set) var droppedCount = 0
    private var byteCount = 0

    package init() {}

    /// Counts it in any case and keeps it where there is room.
    package mutating func add(_ message: CapturedMessage) {
        messageCount += 1
        let levels = message.topic.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
        var kind = Kind.other
        var keys: Set<String> = []
        if case .object(let members)? = JSONTree(message.payload) {
            kind = .object
            keys = Set(members.map(\.key))
        }
        let size = message.payload.count + message.topic.utf8.count
        if let index = groups.firstIndex(where: { Self.isAlike($0, levels, kind, keys) }) {
            groups[index].count += 1
            groups[index].keys.formUnion(keys)
            let isNewTopic = !groups[index].topics.contains(message.topic)
            if groups[index].topics.count < Self.topicsMax { groups[index].topics.insert(message.topic) }
            // A topic not met before tells more than one more message of a known one.
            let room = isNewTopic ? Self.messagesPerGroupMax * 2 : Self.messagesPerGroupMax
            if groups[index].messages.count < room, byteCount + size <= Self.bytesMax {
                groups[index].messages.append(message)
                byteCount += size
            }
        } else if groups.count < Self.groupsMax, byteCount + size <= Self.bytesMax {
            groups.append(
                Group(messages: [message], count: 1, topics: [message.topic], levels: levels, kind: kind, keys: keys))
            byteCount += size
        } else {
            droppedCount += 1
        }
    }

    /// The same number of levels, of which those that do not look like a device's name are the same, and payloads that
    /// share most of their keys. Bare values are alike whatever their last level says: it mostly names the quantity.
    private static func isAlike(_ group: Group, _ levels: [String], _ kind: Kind, _ keys: Set<String>) -> Bool {
        guard group.kind == kind, group.levels.count == levels.count else { return false }
        var different = 0
        for (index, (mine, theirs)) in zip(group.levels, levels).enumerated() where mine != theirs {
            if TopicGuess.isSerial(mine), TopicGuess.isSerial(theirs) { continue }
            if mine.allSatisfy(\.isNumber), theirs.allSatisfy(\.isNumber) { continue }
            // The first level names the family.
            if index == 0, levels.count > 1 { return false }
            if kind == .other, index == levels.count - 1 { continue }
            different += 1
        }
        guard kind == .object else { return different == 0 }
        let shared = group.keys.intersection(keys).count
        let smaller = min(group.keys.count, keys.count)
        guard shared * 2 >= smaller, smaller > 0 || group.keys.isEmpty == keys.isEmpty else { return false }
        // Where a level differs that does not look like a serial number, the payload alone must say that it is one kind.
        return different == 0 || (different == 1 && shared * 10 >= smaller * 8 && smaller >= 2)
    }

    /// What was seen and a proposal for each kind, most frequent first.
    package func proposals() -> [(group: Group, summary: String, proposal: ProfileProposal)] {
        var names: [String: Int] = [:]
        return groups.sorted { ($1.count, $0.levels.joined()) < ($0.count, $1.levels.joined()) }.compactMap { group in
            let stem = group.levels.first { ProfileAuthor.isName($0) && !TopicGuess.isSerial($0) } ?? "devices"
            names[stem, default: 0] += 1
            let name = names[stem] == 1 ? stem : "\(stem)-\(names[stem] ?? 0)"
            guard let proposal = try? ProfileAuthor.propose(name: name, group.messages) else { return nil }
            let topics = group.topics.sorted()
            let shown = topics.prefix(3).joined(separator: ", ") + (topics.count > 3 ? ", …" : "")
            let summary =
                "\(counted(group.count, "message")) of \(counted(topics.count, "topic")): \(YAMLText.comment(shown))"
            return (group, summary, proposal)
        }
    }
}
