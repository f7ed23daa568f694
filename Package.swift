// swift-tools-version: 6.2
import PackageDescription

// One target per room. A file's imports are its place in the house: a wrong dependency fails to build.
let ours: [SwiftSetting] = [.treatAllWarnings(as: .error)]

let package = Package(
    name: "baotu",
    platforms: [.macOS(.v15)],
    products: [
        .executable(name: "baotu-fleet", targets: ["baotu-fleet"])
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
    ],
    targets: [
        .systemLibrary(name: "CMosquitto", pkgConfig: "libmosquitto", providers: [.apt(["libmosquitto-dev"])]),
        .systemLibrary(name: "CSQLite", pkgConfig: "sqlite3", providers: [.apt(["libsqlite3-dev"])]),

        .target(name: "Telemetry", swiftSettings: ours),
        .target(
            name: "Settings", dependencies: ["Telemetry", .product(name: "Yams", package: "Yams")],
            swiftSettings: ours),

        .target(name: "Decoding", dependencies: ["Telemetry", "Settings"], swiftSettings: ours),
        .target(name: "Windows", dependencies: ["Telemetry"], swiftSettings: ours),
        .target(name: "Alerting", dependencies: ["Telemetry", "Settings"], swiftSettings: ours),
        .target(name: "CityScience", dependencies: ["Telemetry"], swiftSettings: ours),

        .target(name: "Broker", dependencies: ["Telemetry", "CMosquitto"], swiftSettings: ours),
        .target(name: "Store", dependencies: ["Telemetry", "CSQLite"], swiftSettings: ours),

        .target(name: "Fleet", dependencies: ["Telemetry", "CityScience", "Broker"], swiftSettings: ours),
        .executableTarget(
            name: "baotu-fleet",
            dependencies: ["Fleet", "Broker", .product(name: "ArgumentParser", package: "swift-argument-parser")],
            swiftSettings: ours),

        .target(name: "TestSupport", dependencies: ["Telemetry"], path: "Tests/TestSupport", swiftSettings: ours),
        .testTarget(name: "DecodingTests", dependencies: ["Decoding", "TestSupport"], swiftSettings: ours),
        .testTarget(name: "WindowsTests", dependencies: ["Windows", "TestSupport"], swiftSettings: ours),
        .testTarget(name: "AlertingTests", dependencies: ["Alerting", "TestSupport"], swiftSettings: ours),
        .testTarget(name: "StoreTests", dependencies: ["Store", "TestSupport"], swiftSettings: ours),
        .testTarget(name: "BrokerTests", dependencies: ["Broker", "TestSupport"], swiftSettings: ours),
        .testTarget(name: "FleetTests", dependencies: ["Fleet", "TestSupport"], swiftSettings: ours),
        .testTarget(name: "TelemetryTests", dependencies: ["Telemetry"], swiftSettings: ours),
        .testTarget(name: "SettingsTests", dependencies: ["Settings"], swiftSettings: ours),
    ]
)
