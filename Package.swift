// swift-tools-version: 6.2

import PackageDescription

/// Every warning is an error while Graft is the root package; SwiftPM lifts this where Graft is a dependency.
let swiftSettings: [SwiftSetting] = [.treatAllWarnings(as: .error)]
let cSettings: [CSetting] = [.treatAllWarnings(as: .error)]

/// A library target at `Sources/<name>`.
func library(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
    .target(name: name, dependencies: dependencies, swiftSettings: swiftSettings)
}

/// A test target at `Tests/<name>`.
func tests(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
    .testTarget(name: name, dependencies: dependencies + ["TestSupport"], swiftSettings: swiftSettings)
}

let package = Package(
    name: "graft",
    platforms: [.macOS(.v15)],
    products: [
        .library(name: "Graft", targets: ["Graft"]),
        .executable(name: "graft", targets: ["GraftCLI"]),
    ],
    targets: [
        // MARK: The house, from the ground up. Arrows point down only.
        .target(name: "CKernels", cSettings: cSettings),
        library("Files", []),
        library("Matrices", ["CKernels"]),
        library("Safetensors", ["Files"]),
        library("Tokenizers", ["Files"]),
        library("Encoders", ["Matrices", "Safetensors", "Files"]),
        library("Adapters", ["Encoders", "Matrices", "Safetensors", "Files"]),
        library("FineTuning", ["Adapters", "Encoders", "Matrices", "Safetensors", "Tokenizers", "Files"]),
        library("ModelHub", ["Files"]),
        library("Benchmarking", ["FineTuning", "Adapters", "Encoders", "Matrices", "Tokenizers"]),
        library(
            "Graft",
            ["FineTuning", "Adapters", "Encoders", "Matrices", "Safetensors", "Tokenizers", "ModelHub", "Files"]),
        .executableTarget(
            name: "GraftCLI", dependencies: ["Graft", "Benchmarking", "Files"], swiftSettings: swiftSettings),

        // MARK: Tests.
        .target(
            name: "TestSupport", dependencies: ["Matrices", "Encoders", "Safetensors"], path: "Tests/TestSupport",
            swiftSettings: swiftSettings),
        tests("FilesTests", ["Files"]),
        tests("MatricesTests", ["Matrices", "CKernels"]),
        tests("SafetensorsTests", ["Safetensors", "Files"]),
        tests("TokenizersTests", ["Tokenizers"]),
        tests("EncodersTests", ["Encoders", "Matrices", "Safetensors"]),
        tests("AdaptersTests", ["Adapters", "Encoders", "Matrices", "Safetensors", "Files"]),
        tests("FineTuningTests", ["FineTuning", "Adapters", "Encoders", "Matrices", "Tokenizers", "Safetensors"]),
        tests("ModelHubTests", ["ModelHub", "Files"]),
        tests("BenchmarkingTests", ["Benchmarking", "FineTuning", "Adapters", "Encoders"]),
        tests("GraftTests", ["Graft"]),
        tests("GraftCLITests", ["GraftCLI", "Safetensors"]),
    ]
)
