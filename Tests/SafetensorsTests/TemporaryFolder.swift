import Foundation
import Safetensors

/// A folder for one test, removed when the test is over.
final class TemporaryFolder {
    let url: URL

    init() throws {
        url = FileManager.default.temporaryDirectory.appendingPathComponent("graft-tensors-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
    }

    deinit {
        do { try FileManager.default.removeItem(at: url) } catch { print("left behind: \(url.path)") }
    }

    subscript(name: String) -> URL { url.appendingPathComponent(name) }

    /// Writes a file of `bytes` and gives its place.
    func file(_ bytes: [UInt8], named name: String = "model.safetensors") throws -> URL {
        try Data(bytes).write(to: self[name])
        return self[name]
    }
}

/// The bytes of a file with this header, its length before it, and this data behind.
func safetensors(_ json: String, data: [UInt8] = []) -> [UInt8] {
    withUnsafeBytes(of: UInt64(json.utf8.count).littleEndian) { Array($0) } + Array(json.utf8) + data
}

/// A file of `Tests/Fixtures/safetensors`, made by `Tests/Peers/make_safetensors_fixtures.py`.
func fixture(_ name: String, from test: String = #filePath) -> URL {
    URL(fileURLWithPath: test).deletingLastPathComponent().deletingLastPathComponent()
        .appendingPathComponent("Fixtures/safetensors/\(name)")
}
