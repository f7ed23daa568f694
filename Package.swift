// swift-tools-version: 6.2
import PackageDescription

// One target per room. A file's imports are its place in the house: a wrong dependency fails to build.
let ours: [SwiftSetting] = [.treatAllWarnings(as: .error)]

let package = Package(
    name: "baotu",
    platforms: [.macOS(.v15)],
    products: [
        .executable(name: "baotud", targets: ["baotud"]),
        .executable(name: "baotu", targets: ["baotu"]),
        .executable(name: "baotu-fleet", targets: ["baotu-fleet"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-crypto", from: "4.5.2"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/hummingbird-project/hummingbird", from: "2.28.1"),
        .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
        .package(url: "https://github.com/swift-server/async-http-client", from: "1.37.0"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
    ],
    targets: [
        .systemLibrary(name: "CMosquitto", pkgConfig: "libmosquitto", providers: [.apt(["libmosquitto-dev"])]),
        .systemLibrary(name: "CSQLite", pkgConfig: "sqlite3", providers: [.apt(["libsqlite3-dev"])]),

        .systemLibrary(name: "CLinux"),

        .target(name: "Telemetry", swiftSettings: ours),
        .target(
            name: "Settings", dependencies: ["Telemetry", .product(name: "Yams", package: "Yams")],
            swiftSettings: ours),

        .target(name: "Decoding", dependencies: ["Telemetry", "Settings"], swiftSettings: ours),
        .target(name: "Authoring", dependencies: ["Telemetry", "Settings", "Decoding"], swiftSettings: ours),
        .target(name: "Windows", dependencies: ["Telemetry"], swiftSettings: ours),
        .target(name: "Alerting", dependencies: ["Telemetry", "Settings"], swiftSettings: ours),
        .target(name: "Interchange", dependencies: ["Telemetry"], swiftSettings: ours),
        .target(name: "Detection", dependencies: ["Telemetry"], swiftSettings: ours),
        .target(
            name: "CityScience", dependencies: ["Telemetry"], resources: [.embedInCode("Tables")], swiftSettings: ours),

        .target(name: "Broker", dependencies: ["Telemetry", "CMosquitto"], swiftSettings: ours),
        .target(
            name: "Store",
            dependencies: ["Telemetry", "CSQLite", "CLinux", .product(name: "Crypto", package: "swift-crypto")],
            exclude: ["FRAMES.md"], swiftSettings: ours),

        .target(name: "Notification", dependencies: ["Telemetry"], swiftSettings: ours),
        .target(
            name: "API",
            dependencies: ["Telemetry", "Store", "Interchange", .product(name: "Hummingbird", package: "hummingbird")],
            swiftSettings: ours),

        .target(
            name: "Gateway",
            dependencies: [
                "Telemetry", "Settings", "Decoding", "Windows", "Detection", "CityScience", "Alerting", "Broker",
                "Store",
                "Notification", "API", "CLinux",
                .product(name: "Logging", package: "swift-log"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
                .product(name: "UnixSignals", package: "swift-service-lifecycle"),
            ], swiftSettings: ours),
        .target(
            name: "OperatorCLI",
            dependencies: [
                "Telemetry", "Settings", "Decoding", "Authoring", "Windows", "Detection", "Alerting", "Interchange",
                "CityScience", "Store", "API", "Broker",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "AsyncHTTPClient", package: "async-http-client"),
            ], swiftSettings: ours),
        .executableTarget(
            name: "baotud",
            dependencies: ["Gateway", .product(name: "ArgumentParser", package: "swift-argument-parser")],
            swiftSettings: ours),
        .executableTarget(name: "baotu", dependencies: ["OperatorCLI"], swiftSettings: ours),

        .target(name: "Fleet", dependencies: ["Telemetry", "CityScience", "Broker"], swiftSettings: ours),
        .executableTarget(
            name: "baotu-fleet",
            dependencies: ["Fleet", "Broker", .product(name: "ArgumentParser", package: "swift-argument-parser")],
            swiftSettings: ours),

        .target(name: "CMeasuring", path: "Tests/Performance/CMeasuring"),
        .target(name: "Measuring", path: "Tests/Performance/Measuring", swiftSettings: ours),
        .executableTarget(
            name: "store-bench", dependencies: ["Store", "Telemetry", "CSQLite", "Measuring"],
            path: "Tests/Performance/StoreBench", swiftSettings: ours),
        .executableTarget(
            name: "decode-bench", dependencies: ["Decoding", "Settings", "Telemetry", "Measuring", "CMeasuring"],
            path: "Tests/Performance/DecodeBench", swiftSettings: ours),
        .executableTarget(
            name: "detect-bench", dependencies: ["Detection", "Telemetry", "Measuring", "CMeasuring"],
            path: "Tests/Performance/DetectBench", swiftSettings: ours),

        .executableTarget(
            name: "windows-bench", dependencies: ["Windows", "Telemetry", "Measuring", "CMeasuring"],
            path: "Tests/Performance/WindowsBench", swiftSettings: ours),

        .executableTarget(
            name: "city-bench",
            dependencies: ["Gateway", "Fleet", "Decoding", "Alerting", "Settings", "Telemetry", "Measuring"],
            path: "Tests/Performance/CityBench", swiftSettings: ours),

        .target(name: "TestSupport", dependencies: ["Telemetry"], path: "Tests/TestSupport", swiftSettings: ours),
        .testTarget(name: "DecodingTests", dependencies: ["Decoding", "Settings", "TestSupport"], swiftSettings: ours),
        .testTarget(
            name: "AuthoringTests", dependencies: ["Authoring", "Decoding", "Settings", "TestSupport"],
            swiftSettings: ours),
        .testTarget(name: "InterchangeTests", dependencies: ["Interchange", "TestSupport"], swiftSettings: ours),
        .testTarget(name: "WindowsTests", dependencies: ["Windows", "TestSupport"], swiftSettings: ours),
        .testTarget(
            name: "DetectionTests", dependencies: ["Detection", "TestSupport"], exclude: ["Fixtures"],
            swiftSettings: ours),
        .testTarget(name: "AlertingTests", dependencies: ["Alerting", "TestSupport"], swiftSettings: ours),
        .testTarget(
            name: "StoreTests", dependencies: ["Store", "TestSupport"], exclude: ["Fixtures"], swiftSettings: ours),
        .testTarget(
            name: "CityScienceTests", dependencies: ["CityScience", "TestSupport"], exclude: ["Fixtures"],
            swiftSettings: ours),
        .testTarget(name: "BrokerTests", dependencies: ["Broker", "TestSupport"], swiftSettings: ours),
        .testTarget(name: "FleetTests", dependencies: ["Fleet", "TestSupport"], swiftSettings: ours),
        .testTarget(
            name: "GatewayTests",
            dependencies: [
                "Gateway", "Broker", "Store", "Decoding", "Settings", "Alerting", "Windows", "Detection", "CityScience",
                "Fleet", "TestSupport", "baotud",
                "baotu", "baotu-fleet", .product(name: "Logging", package: "swift-log"),
            ], exclude: ["Fixtures"], swiftSettings: ours),
        .testTarget(
            name: "APITests",
            dependencies: [
                "API", "Store", "OperatorCLI", "TestSupport",
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
            ], swiftSettings: ours),
        .testTarget(
            name: "OperatorCLITests",
            dependencies: [
                "OperatorCLI", "Store", "Interchange", "TestSupport", "baotu",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ], swiftSettings: ours),
        .testTarget(name: "TelemetryTests", dependencies: ["Telemetry"], swiftSettings: ours),
        .testTarget(name: "SettingsTests", dependencies: ["Settings"], swiftSettings: ours),
    ]
)
