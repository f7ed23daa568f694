// swift-tools-version: 6.2
import PackageDescription

// One target per room. A file's imports are its place in the house: a wrong dependency fails to build, an import that
// this file does not declare does too, and what a room's face does not show stays inside. CONTRIBUTING.md draws the
// house; `HouseTests` holds this file against the drawing.
let ours: [SwiftSetting] = [
    .treatAllWarnings(as: .error),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("InternalImportsByDefault"),
]

extension Target {
    static func room(
        _ name: String, _ dependencies: [Dependency] = [], exclude: [String] = [], resources: [Resource] = []
    ) -> Target {
        .target(
            name: name, dependencies: dependencies, exclude: exclude, resources: resources, swiftSettings: ours)
    }

    static func program(_ name: String, _ dependencies: [Dependency]) -> Target {
        .executableTarget(name: name, dependencies: dependencies, swiftSettings: ours)
    }

    static func tests(_ name: String, _ dependencies: [Dependency], exclude: [String] = []) -> Target {
        .testTarget(
            name: name, dependencies: dependencies, exclude: exclude, swiftSettings: ours)
    }
}

extension Target.Dependency {
    static let argumentParser = product(name: "ArgumentParser", package: "swift-argument-parser")
    static let asyncHTTPClient = product(name: "AsyncHTTPClient", package: "async-http-client")
    static let crypto = product(name: "Crypto", package: "swift-crypto")
    static let hummingbird = product(name: "Hummingbird", package: "hummingbird")
    static let logging = product(name: "Logging", package: "swift-log")
    static let nioHTTP1 = product(name: "NIOHTTP1", package: "swift-nio")
    static let nioCore = product(name: "NIOCore", package: "swift-nio")
    static let nioPosix = product(name: "NIOPosix", package: "swift-nio")
    static let nioSSL = product(name: "NIOSSL", package: "swift-nio-ssl")
    static let orderedCollections = product(name: "OrderedCollections", package: "swift-collections")
    static let serviceLifecycle = product(name: "ServiceLifecycle", package: "swift-service-lifecycle")
    static let unixSignals = product(name: "UnixSignals", package: "swift-service-lifecycle")
}

let package = Package(
    name: "baotu",
    platforms: [.macOS(.v15)],
    products: [
        .executable(name: "baotud", targets: ["baotud"]),
        .executable(name: "baotu", targets: ["baotu"]),
        .executable(name: "baotu-fleet", targets: ["baotu-fleet"]),
        // For the benches (Tests/Performance), a package of their own.
        .library(
            name: "Rooms",
            targets: [
                "Basics", "Telemetry", "Settings", "Decoding", "Profiles", "Windows", "Detection", "City", "Alerting",
                "Desk", "Pipeline", "ConfigurationFiles", "Contract", "Store", "Fleet",
            ]),
        .library(name: "CSQLite", targets: ["CSQLite"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-collections", from: "1.6.0"),
        .package(url: "https://github.com/apple/swift-crypto", from: "4.5.2"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
        .package(url: "https://github.com/apple/swift-nio-ssl", from: "2.37.6"),
        // Without its traits: FullFoundation brings 40 MB of Unicode tables into each program.
        .package(url: "https://github.com/hummingbird-project/hummingbird", from: "2.28.1", traits: []),
        .package(url: "https://github.com/swift-server/async-http-client", from: "1.37.0"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
    ],
    targets: [
        // Libraries in C, and what Linux alone has.
        .systemLibrary(name: "CCurl", pkgConfig: "libcurl", providers: [.apt(["libcurl4-openssl-dev"])]),
        .systemLibrary(name: "CMosquitto", pkgConfig: "libmosquitto", providers: [.apt(["libmosquitto-dev"])]),
        .systemLibrary(name: "CSQLite", pkgConfig: "sqlite3", providers: [.apt(["libsqlite3-dev"])]),
        .systemLibrary(name: "CYAML", pkgConfig: "yaml-0.1", providers: [.apt(["libyaml-dev"])]),
        .systemLibrary(name: "CLinux"),
        // Of the daemon alone: tools end when their terminal does.
        .target(name: "CStart"),

        // Ground.
        .room("Basics", ["CLinux"]),
        .room("Telemetry", ["Basics"]),
        .room("Settings", ["Basics", "Telemetry", "CYAML"]),

        // Pure: no clock, no file, no socket, no lock.
        .room("Frames", ["Basics", "Telemetry"], exclude: ["FRAMES.md"]),
        .room("Decoding", ["Basics", "Telemetry"]),
        .room("Windows", ["Basics", "Telemetry"]),
        .room("Detection", ["Basics", "Telemetry"]),
        .room("City", ["Basics", "Telemetry"], resources: [.embedInCode("Air/Tables")]),
        .room("Alerting", ["Basics", "Telemetry", .orderedCollections]),
        .room("Desk", ["Basics", "Telemetry"]),
        .room("Interchange", ["Basics", "Telemetry"]),

        // The heart.
        .room("Pipeline", ["Basics", "Telemetry", "Windows", "Detection", "City", "Alerting"]),

        // Speech: requests, answers and orders, for who asks and who answers.
        .room("Contract", ["Basics", "Telemetry"]),

        // Front.
        .room("Profiles", ["Basics", "Telemetry", "Settings", "Decoding"]),
        .room("Authoring", ["Basics", "Telemetry", "Settings", "Decoding", "Profiles"]),
        .room(
            "ConfigurationFiles",
            [
                "Basics", "Telemetry", "Settings", "Decoding", "Profiles", "Windows", "Detection", "City", "Alerting",
                "Desk", "Pipeline", "Broker", "Store",
            ]),

        // Shells.
        .room("Broker", ["Basics", "Telemetry", "CMosquitto"]),
        .room("Store", ["Basics", "Telemetry", "Contract", "Frames", "CSQLite", "CLinux", .crypto]),
        .room(
            "Notification",
            ["Basics", "Telemetry", "CCurl", "CLinux", .asyncHTTPClient, .nioCore, .nioHTTP1, .nioPosix, .nioSSL]),
        .room(
            "API",
            [
                "Basics", "Telemetry", "Contract", "Store", "Interchange", .hummingbird, .logging, .nioCore,
                .serviceLifecycle,
            ]),

        // Where they meet.
        .room(
            "Gateway",
            [
                "Basics", "Telemetry", "Settings", "Decoding", "Windows", "Alerting", "Desk", "Pipeline",
                "ConfigurationFiles", "Contract", "Broker", "Store", "Notification", "API", "CLinux", .hummingbird,
                .logging,
                .serviceLifecycle, .unixSignals,
            ]),
        .room(
            "OperatorCLI",
            [
                "Basics", "Telemetry", "Settings", "Decoding", "Profiles", "Authoring", "Windows", "Detection", "City",
                "Alerting", "Desk", "Interchange", "Contract", "ConfigurationFiles", "Pipeline", "Store", "Broker",
                .argumentParser,
                .asyncHTTPClient, .nioCore, .nioHTTP1,
            ]),
        .room("Fleet", ["Basics", "Telemetry", "City", "Broker"]),

        .program("baotud", ["Basics", "Telemetry", "Broker", "Store", "API", "Gateway", "CStart", .argumentParser]),
        .program("baotu", ["OperatorCLI", .argumentParser]),
        .program("baotu-fleet", ["Basics", "Telemetry", "Fleet", "Broker", .argumentParser]),

        .target(
            name: "TestSupport", dependencies: ["Basics", "Telemetry", "Store"], path: "Tests/TestSupport",
            swiftSettings: ours),
        .tests("BasicsTests", ["Basics", "Telemetry", "Settings"]),
        .tests("TelemetryTests", ["Basics", "Telemetry", "TestSupport"]),
        .tests("SettingsTests", ["Basics", "Telemetry", "Settings", "TestSupport"]),
        .tests("DecodingTests", ["Basics", "Telemetry", "Decoding", "Profiles", "Settings", "TestSupport"]),
        .tests("ProfilesTests", ["Basics", "Telemetry", "Decoding", "Profiles"]),
        .tests("WindowsTests", ["Basics", "Telemetry", "Windows", "TestSupport"]),
        .tests("DetectionTests", ["Basics", "Telemetry", "Detection", "TestSupport"], exclude: ["Fixtures"]),
        .tests("CityTests", ["Basics", "Telemetry", "City", "TestSupport"], exclude: ["Fixtures"]),
        .tests("AlertingTests", ["Basics", "Telemetry", "Alerting", "Settings", "ConfigurationFiles", "TestSupport"]),
        .tests("DeskTests", ["Basics", "Telemetry", "Desk", "TestSupport"]),
        .tests("InterchangeTests", ["Basics", "Telemetry", "Interchange", "TestSupport"]),
        .tests(
            "PipelineTests",
            [
                "Basics", "Telemetry", "Pipeline", "Decoding", "Profiles", "Settings", "ConfigurationFiles", "Alerting",
                "Windows",
                "City", "Detection", "Fleet", "TestSupport",
            ]),
        .tests(
            "AuthoringTests", ["Basics", "Telemetry", "Authoring", "Decoding", "Profiles", "Settings", "TestSupport"]),
        .tests(
            "ConfigurationFilesTests",
            [
                "Basics", "Telemetry", "ConfigurationFiles", "Settings", "Store", "Windows", "Decoding", "Alerting",
                "Broker",
                "TestSupport",
            ]),
        .tests("ContractTests", ["Basics", "Telemetry", "Contract", "TestSupport"]),
        .tests("BrokerTests", ["Broker", "TestSupport"]),
        .tests("NotificationTests", ["Basics", "Telemetry", "Notification", "TestSupport"]),
        .tests("FramesTests", ["Basics", "Telemetry", "Frames", "TestSupport"]),
        .tests(
            "StoreTests",
            ["Basics", "Telemetry", "Settings", "Contract", "Frames", "Store", "CSQLite", "TestSupport"],
            exclude: ["Fixtures"]),
        .tests(
            "APITests",
            [
                "Basics", "Telemetry", "Contract", "API", "Store", "Interchange", "OperatorCLI", .logging,
                .serviceLifecycle,
                "TestSupport",
            ]),
        .tests(
            "GatewayTests",
            [
                "Basics", "Telemetry", "Contract", "API", "Gateway", "Broker", "Store", "Alerting", "Pipeline",
                "Windows", "ConfigurationFiles", "Fleet", .logging, "TestSupport",
            ], exclude: ["Fixtures"]),
        .tests(
            "OperatorCLITests",
            [
                "Basics", "Telemetry", "Contract", "OperatorCLI", "Store", "Interchange", "Alerting", "Desk",
                "Pipeline",
                "baotu",
                .argumentParser, "TestSupport",
            ]),
        .tests("FleetTests", ["Basics", "Telemetry", "Fleet"]),
        // With real servers and the programs themselves.
        .tests(
            "SystemTests",
            [
                "Basics", "Telemetry", "Contract", "Broker", "Store", "Fleet", "baotud", "baotu", "baotu-fleet",
                "TestSupport",
            ]),
    ]
)
