import ArgumentParser
import Basics
import ConfigurationFiles
import Decoding
import Settings
import Store
import Telemetry

/// The site's configuration, for what works by its files without the daemon.
struct SiteFiles: ParsableArguments {
    @Option(
        name: [.customShort("c"), .long],
        help: "The site's configuration, for its profiles, windows and roster.", completion: .file())
    var config = "/etc/baotu/baotu.yaml"

    @Option(
        help: ArgumentHelp("The store's folder. Default: that of the configuration.", valueName: "dir"),
        completion: .directory)
    var store: String?

    /// All that the configuration names, with other rules where `rules` is their file. Throws the mistakes of all of it.
    func load(rules: String? = nil) throws(Mistakes) -> (configuration: GatewayConfiguration, files: LoadedFiles) {
        guard SettingFiles.exists(config) else {
            let expected = "there is no such file; give that of the site with --config FILE"
            throw Mistakes([Mistake(file: config, line: nil, key: "", value: nil, expected: expected)])
        }
        var configuration = try GatewayConfiguration(path: config)
        if let rules { configuration.rulesFile = rules }
        return (configuration, try LoadedFiles.load(configuration))
    }

    /// The store that is named; else that of the configuration, nil where it cannot be read.
    func archive(_ configuration: GatewayConfiguration) throws -> Archive? {
        guard let store else { return try? Archive(folder: configuration.store.folder) }
        return try Archive(folder: store)
    }
}

extension SeriesRegistry {
    /// Adds the devices that a roster names, with the series that their profiles give: one of each quantity where messages
    /// name the channels.
    mutating func add(_ roster: [RosterEntry], _ catalog: DeviceCatalog) {
        var offers: [ByteName: CatalogOffer] = [:]
        for entry in roster {
            guard let device = intern(device: entry.device, profile: entry.profile), series(of: device).isEmpty else {
                continue
            }
            let offer = offers[ByteName(entry.profile)] ?? CatalogOffer(catalog, profiles: [entry.profile])
            offers[ByteName(entry.profile)] = offer
            for (quantity, channels) in offer.channels {
                for name in channels.names.isEmpty ? [""] : channels.names.map(\.text) {
                    guard let channel = intern(channel: name) else { continue }
                    _ = intern(device: device, quantity: quantity, channel: channel)
                }
            }
        }
    }
}
