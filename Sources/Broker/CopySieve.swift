/// Tells the copies of one message by overlapping subscriptions from messages that are alike.
///
/// A broker may send a message once for each filter that matches it, one copy behind the other, each with the
/// identifier of its subscription (MQTT 5, 3.3.4). So what has the topic and the payload of the message just before it
/// and came by another subscription is its copy; what came by the same one is a message of its own. Nothing is taken
/// for a copy without both identifiers: a reading too many can be seen, one too few cannot.
struct CopySieve {
    private var topic: [UInt8] = []
    private var payload: [UInt8] = []
    /// By which the message and its copies came so far.
    private var identifiers: [UInt32] = []

    /// To be asked for every message of a connection in turn.
    mutating func isCopy(topic: UnsafeRawBufferPointer, payload: UnsafeRawBufferPointer, of identifiers: [UInt32])
        -> Bool
    {
        let isAlike =
            !self.identifiers.isEmpty && topic.elementsEqual(self.topic) && payload.elementsEqual(self.payload)
        if isAlike, !identifiers.isEmpty, !identifiers.contains(where: self.identifiers.contains) {
            self.identifiers += identifiers
            return true
        }
        if !isAlike {
            self.topic.replaceSubrange(0..., with: topic)
            self.payload.replaceSubrange(0..., with: payload)
        }
        self.identifiers.replaceSubrange(0..., with: identifiers)
        return false
    }
}
