import Files
import Foundation

/// One entry of `modules.json`: a module's class, and the folder where it is.
struct SentenceModuleEntry {
    let kind: Kind
    /// The folder within the model's; empty for the model's own.
    let path: String
    let folder: URL

    /// The classes of sentence-transformers that Graft has.
    enum Kind: String, CaseIterable {
        case transformer = "Transformer"
        case pooling = "Pooling"
        case dense = "Dense"
        case layerNorm = "LayerNorm"
        case normalize = "Normalize"
        /// Does nothing outside of training.
        case dropout = "Dropout"
    }

    /// The modules of a model folder in their order: the encoder, the pooling, and any others after these. nil without
    /// `modules.json`.
    static func all(in folder: URL) throws(JSONFieldsError) -> [SentenceModuleEntry]? {
        let url = folder.appending(path: "modules.json")
        let file = url.path(percentEncoded: false)
        guard FileManager.default.fileExists(atPath: file) else { return nil }
        let objects = try JSONFields.list(contentsOf: url)
        var entries: [SentenceModuleEntry] = []
        for fields in objects { entries.append(try SentenceModuleEntry(fields, in: folder)) }
        let kinds = entries.map(\.kind)
        let isInOrder =
            kinds.prefix(2) == [.transformer, .pooling]
            && kinds.dropFirst(2).allSatisfy { $0 != .transformer && $0 != .pooling }
        guard isInOrder else {
            throw .invalidField(
                file: file, field: "type", found: kinds.map(\.rawValue).joined(separator: ", "),
                expected: "a Transformer, a Pooling, and then any of Dense, LayerNorm, Normalize and Dropout")
        }
        return entries
    }

    private init(_ fields: JSONFields, in folder: URL) throws(JSONFieldsError) {
        try fields.checkNames(["idx", "name", "path", "type"])
        let type = try fields.required("type", try fields.text("type"))
        let names = Kind.allCases.map(\.rawValue)
        // Whatever is not of the package is code of the folder's own.
        let name = type.hasPrefix("sentence_transformers.") ? type.split(separator: ".").last.map(String.init) : nil
        guard let kind = name.flatMap(Kind.init(rawValue:)) else {
            throw fields.invalid("type", type, "one of sentence_transformers' \(names.joined(separator: ", "))")
        }
        path = try fields.text("path") ?? ""
        let isInside = !path.hasPrefix("/") && !path.split(separator: "/").contains("..")
        try fields.check("path", path, "a folder within the model's", isInside)
        try fields.check(
            "path", path, "empty: the encoder is in the folder itself", kind != .transformer || path.isEmpty)
        self.kind = kind
        self.folder = path.isEmpty ? folder : folder.appending(path: path)
    }
}
