import Foundation

/// Paths as a recipe names them: from its own folder on.
struct RecipePaths {
    let folder: URL

    func url(_ path: String) -> URL {
        path.hasPrefix("/") ? URL(filePath: path) : URL(filePath: path, relativeTo: isHere ? nil : folder)
    }

    /// Paths of a recipe in the current folder are shown as they are written.
    private var isHere: Bool {
        folder.standardizedFileURL.path(percentEncoded: false)
            == URL(filePath: FileManager.default.currentDirectoryPath, directoryHint: .isDirectory).standardizedFileURL
            .path(percentEncoded: false)
    }

    /// A folder that is there, or else the name as it is: a Hub id.
    func model(_ name: String) -> String {
        let url = url(name)
        return RecipePaths.isFolder(url) ? url.path(percentEncoded: false) : name
    }

    /// The folder or file that a field names.
    func existing(_ node: RecipeNode, isFolder: Bool) throws(RecipeError) -> URL {
        let url = url(try node.text("a path"))
        let path = url.path(percentEncoded: false)
        guard FileManager.default.fileExists(atPath: path), RecipePaths.isFolder(url) == isFolder else {
            throw node.failure(.noSuchFile("\(isFolder ? "folder" : "file") \(path)"))
        }
        return url
    }

    private static func isFolder(_ url: URL) -> Bool {
        var isFolder: ObjCBool = false
        let exists = FileManager.default.fileExists(atPath: url.path(percentEncoded: false), isDirectory: &isFolder)
        return exists && isFolder.boolValue
    }
}
