import Foundation

/// A folder, and what the changes of the adapter in it are multiplied by: `DIR`, or `DIR=0.5`.
package struct WeightedFolder: Sendable {
    let folder: URL
    let weight: Float
}

extension ValueKind where Value == WeightedFolder {
    /// A path, with a number behind an equals sign or without. A folder whose own name ends so is taken for that folder.
    package static var weightedFolder: ValueKind {
        ValueKind(
            valueName: "DIR[=WEIGHT]", expected: "an adapter folder, or one with a weight, such as DIR=0.5",
            read: { text in
                guard !text.isEmpty else { return nil }
                let whole = WeightedFolder(folder: URL(filePath: text), weight: 1)
                guard let equals = text.lastIndex(of: "="), !FileManager.default.fileExists(atPath: text) else {
                    return whole
                }
                guard let weight = Float(text[text.index(after: equals)...]), weight.isFinite, equals > text.startIndex
                else { return nil }
                return WeightedFolder(folder: URL(filePath: String(text[..<equals])), weight: weight)
            },
            write: { $0.weight == 1 ? $0.folder.relativePath : "\($0.folder.relativePath)=\($0.weight)" })
    }
}
