import Encoders
import Files
import Foundation

/// The folder of adapters of several methods: `adapter_parts.json`, which lists the parts in their order, and of each part the
/// whole folder that its method's library has, `parts/0-ia3`, `parts/1-lora`.
///
/// There is no `adapter_config.json` beside the list. A library that has one method a folder finds nothing to open there, and not one
/// part that it would take for the whole; each part it opens by itself.
enum PartsFolder {
    /// The list of the parts.
    static let listName = "adapter_parts.json"
    private static let (folderName, format) = ("parts", "graft adapter parts 1")

    /// The folder of a part: "parts/1-lora".
    static func folder(of part: String) -> String { "\(folderName)/\(part)" }

    /// Whether a folder is one.
    static func exists(in folder: URL) -> Bool {
        FileManager.default.fileExists(atPath: folder.appending(path: listName).path(percentEncoded: false))
    }

    /// The folders of the parts, in their order.
    ///
    /// - Throws: ``AdapterError`` for a list that is wrong, or a part that is not there.
    static func parts(of folder: URL) throws(AdapterError) -> [URL] {
        let list = folder.appending(path: listName)
        let path = list.path(percentEncoded: false)
        let names: [String]
        do throws(JSONFieldsError) {
            let fields = try JSONFields(contentsOf: list)
            try fields.checkNames(["format", "parts"])
            let found = try fields.required("format", fields.text("format"))
            try fields.check("format", found, "'\(format)'", found == format)
            names = try fields.names("parts")
            for name in names {
                // What is listed is a folder in that of the parts, and nothing elsewhere.
                let steps = name.split(separator: "/", omittingEmptySubsequences: false)
                let isInside = steps.count == 2 && steps[0] == folderName && !["", ".", ".."].contains(steps[1])
                try fields.check("parts", name, "names of folders in '\(folderName)/'", isInside)
            }
            try fields.check(
                "parts", names, "two folders or more, each once", names.count > 1 && Set(names).count == names.count)
        } catch { throw .configuration(error) }
        let other = AdapterHubFiles.configName(in: folder)
        guard !FileManager.default.fileExists(atPath: folder.appending(path: other).path(percentEncoded: false)) else {
            throw .wrongParts(
                file: path,
                reason: "there is \(other) beside it, which is an adapter of its own; take one of the two away")
        }
        let parts = names.map { folder.appending(path: $0) }
        for (part, name) in zip(parts, names) {
            guard !exists(in: part), AdapterBundle.exists(in: part) else {
                throw .wrongParts(
                    file: path,
                    reason: "'\(name)' is not the folder of an adapter of one method; it needs adapter_config.json")
            }
        }
        return parts
    }

    /// Writes the folders of the parts, and then the list, into `folder`, which exists.
    static func write(_ parts: [AdapterBundle.Part], into folder: URL) throws(AdapterError) {
        let names = parts.map { PartsFolder.folder(of: $0.name) }
        for (part, name) in zip(parts.map(\.bundle), names) {
            let own = folder.appending(path: name)
            do {
                try FilesError.catching("create", own.path(percentEncoded: false)) {
                    try FileManager.default.createDirectory(at: own, withIntermediateDirectories: true)
                }
            } catch { throw .files(error) }
            try part.write(into: own)
        }
        do {
            try AtomicFile.write(
                JSONFields.encoded(["format": format, "parts": names]), to: folder.appending(path: listName))
        } catch { throw .files(error) }
    }
}
