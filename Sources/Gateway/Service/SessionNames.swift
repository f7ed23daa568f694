import Broker
import ConfigurationFiles
import Logging
import Store

/// Under which client id the gateway connects, and under which ones of before the broker may keep messages for it.
///
/// `mqtt.client_id` wins. Else the id is the gateway's own, made once of 128 random bits: who knows the id, and may connect,
/// can throw the session and all that waits in it away by a clean start (500 of 500 messages were).
struct SessionNames {
    /// What every gateway was called that nobody gave a name, before each had its own.
    static let once = "baotu"

    let file: HeldSessionsFile
    /// Beside the mark of the store, which says that there was one: a store that is begun anew goes on with the session of the
    /// one before, and with what the broker has kept in it.
    private let spare: HeldSessionsFile
    private(set) var held: HeldSessions
    let clientID: String
    let isOwn: Bool

    /// Others than the one of now.
    var former: [String] { held.clientIDs.filter { $0 != clientID } }

    /// To be asked once a start, with the store open. What it decides is on disk when it returns: no connection is made under an
    /// id that the next start would not know.
    ///
    /// Throws where the file cannot be read or written, and never goes on with another id than the one it had.
    init(_ configuration: GatewayConfiguration, _ journal: Journal, _ log: Logger) throws {
        file = HeldSessionsFile(path: "\(configuration.store.folder)/\(StoreOptions.brokerSessionsFile)")
        spare = HeldSessionsFile(
            path: StoreMark.pathBeside(configuration.store.folder, StoreOptions.brokerSessionsFile))
        let given = configuration.clientID
        let found = try file.read()
        let remembered = try journal.clientNumber.map { HeldSessions.clientID(of: $0.words) }
        let kept = found == nil ? try? spare.read() : nil
        var held = found ?? kept ?? HeldSessions(ownID: remembered)
        if found == nil {
            if kept != nil {
                log.warning(
                    "the file of client ids is gone and is written anew, as its copy beside the store says",
                    metadata: ["file": "\(file.path)"])
            } else if let remembered {
                log.warning(
                    "the file of client ids is gone and is written anew, with the id that the store remembers",
                    metadata: ["file": "\(file.path)"])
                held.clientIDs = [given ?? remembered]
            } else if !journal.isNew {
                // A store of before there was the file: the id is the one it had then.
                held.clientIDs = [given ?? Self.once]
            }
        }
        if given == nil, held.ownID == nil { held.ownID = HeldSessions.clientID(of: ClientNumber().words) }
        clientID = given ?? held.ownID ?? ""
        isOwn = given == nil
        if !held.clientIDs.contains(clientID) { held.clientIDs.append(clientID) }
        if held != found { try file.write(held) }
        if held != (try? spare.read()) { try? spare.write(held) }
        // Behind the file: a start that ends in between finds the id there, and the ones of before beside it.
        if remembered == nil, let own = held.ownID, let number = HeldSessions.words(of: own).flatMap(ClientNumber.init)
        {
            try journal.keep(number)
        }
        self.held = held
    }

    /// The broker keeps nothing under it any more.
    mutating func forget(_ former: String) throws(BrokerError) {
        var sessions = held
        sessions.clientIDs.removeAll { $0 == former }
        try file.write(sessions)
        try? spare.write(sessions)
        held = sessions
    }
}
