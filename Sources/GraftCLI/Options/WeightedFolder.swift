import Foundation

/// An adapter folder, and what its changes are multiplied by: `DIR`, or `DIR=0.5`.
package struct WeightedFolder: Sendable {
    let folder: URL
    let weight: Double
}

extension ValueKind where Value == WeightedFolder {
    /// A path, with a number behind an equals sign or without; by itself a folder counts once. A folder whose own name ends so is
    /// taken for that folder.
    package static var weightedFolder: ValueKind {
        ValueKind(
            valueName: "DIR[=WEIGHT]", expected: "an adapter folder, or one with a weight, such as DIR=0.5",
            read: { text in
                guard !text.isEmpty else { return nil }
                let whole = WeightedFolder(folder: URL(filePath: text), weight: 1)
                guard let equals = text.lastIndex(of: "="), !FileManager.default.fileExists(atPath: text) else {
                    return whole
                }
                // As a float it has to be a number too, since that is what changes are multiplied by.
                guard let weight = Double(text[text.index(after: equals)...]), Float(weight).isFinite,
                    equals > text.startIndex
                else { return nil }
                return WeightedFolder(folder: URL(filePath: String(text[..<equals])), weight: weight)
            },
            write: { $0.weight == 1 ? $0.folder.relativePath : "\($0.folder.relativePath)=\($0.weight)" })
    }
}
