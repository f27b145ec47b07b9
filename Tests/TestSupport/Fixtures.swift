import Foundation
import Safetensors

/// Where the checked-in fixtures are.
public enum Fixtures {
    /// `Tests/Fixtures`
    public static let folder = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .appending(path: "Fixtures")

    /// A file or folder below it: "encoder/tiny-bert".
    public static func url(_ path: String) -> URL { folder.appending(path: path) }
}

extension Fixtures {
    /// The tiny encoder's folder with one number of one tensor changed: another base of the same shape.
    public static func copyOfTinyEncoder(changing name: String) throws -> TemporaryFolder {
        let folder = try TemporaryFolder()
        let source = try SafetensorsFile(contentsOf: TinyEncoder.folder.appending(path: "model.safetensors"))
        var writer = SafetensorsWriter()
        for tensor in source.names {
            let view = try source.tensor(named: tensor)
            var values = try view.floats()
            if tensor == name { values[0] += 1 }
            writer.add(tensor, shape: view.shape, floats: values)
        }
        try writer.write(to: folder.appending("model.safetensors"))
        for file in ["config.json", "vocab.txt", "tokenizer.json", "tokenizer_config.json"] {
            let source = TinyEncoder.folder.appending(path: file)
            try FileManager.default.copyItem(at: source, to: folder.appending(file))
        }
        return folder
    }

    /// The tiny encoder's folder under the files of another fixture folder.
    public static func copyOfTinyEncoder(under path: String) throws -> TemporaryFolder {
        let folder = try TemporaryFolder()
        let manager = FileManager.default
        for source in [TinyEncoder.folder, url(path)] {
            for name in try manager.subpathsOfDirectory(atPath: source.path(percentEncoded: false)) {
                let (from, to) = (source.appending(path: name), folder.appending(name))
                var isFolder: ObjCBool = false
                _ = manager.fileExists(atPath: from.path(percentEncoded: false), isDirectory: &isFolder)
                if isFolder.boolValue {
                    try manager.createDirectory(at: to, withIntermediateDirectories: true)
                } else {
                    try Data(contentsOf: from).write(to: to)
                }
            }
        }
        return folder
    }
}
