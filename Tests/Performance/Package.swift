// swift-tools-version: 6.2
import PackageDescription

// The benches, in a package of their own: the product does not build them. `make bench…` does.
let ours: [SwiftSetting] = [
    .treatAllWarnings(as: .error),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("InternalImportsByDefault"),
]

extension Target {
    static func bench(_ name: String, _ folder: String, _ dependencies: [Dependency] = []) -> Target {
        .executableTarget(
            name: name,
            dependencies: [.product(name: "Rooms", package: "baotu"), "Measuring", "CMeasuring"] + dependencies,
            path: folder, swiftSettings: ours)
    }
}

let package = Package(
    name: "baotu-performance",
    platforms: [.macOS(.v15)],
    dependencies: [.package(name: "baotu", path: "../..")],
    targets: [
        .target(name: "CMeasuring", path: "CMeasuring"),
        .target(name: "Measuring", path: "Measuring", swiftSettings: ours),
        .bench("store-bench", "StoreBench", [.product(name: "CSQLite", package: "baotu")]),
        .bench("decode-bench", "DecodeBench"),
        .bench("detect-bench", "DetectBench"),
        .bench("windows-bench", "WindowsBench"),
        .bench("city-bench", "CityBench"),
        .bench("alerts-bench", "AlertsBench"),
        .bench("fuzz", "FuzzBench", [.product(name: "CSQLite", package: "baotu")]),
    ]
)
