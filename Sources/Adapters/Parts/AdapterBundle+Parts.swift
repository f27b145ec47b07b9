import Encoders
import Foundation

extension AdapterBundle {
    /// The bundle of one method among others, and what it is called among them.
    package typealias Part = (name: String, bundle: AdapterBundle)

    /// What training the parts of `recipe` came to, each a bundle of one method.
    static func parts(
        of recipe: AdapterRecipe, trained parameters: ParameterVector, _ adapters: AdapterSet,
        on encoder: TransformerEncoder, baseModel: String?
    ) -> [Part] {
        let recipes = recipe.byMethod
        precondition(recipes.count == adapters.parts.count, "adapters in parts are those of the recipe's parts")
        return zip(adapters.parts, zip(recipes, adapters.split(of: encoder.config))).map { part, own in
            (part.name, AdapterBundle(own.0, trained: parameters, own.1, on: encoder, baseModel: baseModel))
        }
    }

    /// Reads the parts of a folder.
    static func parts(
        of folder: URL, for encoder: TransformerEncoder, allowingOtherBase: Bool
    ) throws(AdapterError) -> [Part] {
        var parts: [Part] = []
        for own in try PartsFolder.parts(of: folder) {
            let bundle = try AdapterBundle(contentsOf: own, for: encoder, allowingOtherBase: allowingOtherBase)
            parts.append((own.lastPathComponent, bundle))
        }
        if let twice = AdapterSet.firstOverlap(of: parts.map(\.bundle.adapters)) {
            let list = folder.appending(path: PartsFolder.listName).path(percentEncoded: false)
            throw .wrongParts(
                file: list, reason: "\(twice) is in two of the parts; train them again on places of their own")
        }
        return parts
    }

    /// The names of its methods, in the order of the parts.
    package var methodNames: [String] {
        let bundles = parts.isEmpty ? [self] : parts.map(\.bundle)
        return bundles.map { type(of: $0.configuration.method).name }
    }

    /// The folders of the parts, in their order; empty where there is one method.
    package var partNames: [String] { parts.map { PartsFolder.folder(of: $0.name) } }

    /// The files with the weights of an adapter folder: one, or that of each part, with what the part is called.
    ///
    /// - Throws: ``AdapterError`` for a list of parts that is wrong.
    public static func weights(in folder: URL) throws(AdapterError) -> [(part: String?, file: URL)] {
        guard PartsFolder.exists(in: folder) else {
            return [(nil, folder.appending(path: weightsName(in: folder)))]
        }
        return try PartsFolder.parts(of: folder).map { part in
            (part.lastPathComponent, part.appending(path: weightsName(in: part)))
        }
    }

    /// Refuses adapters of several methods where one is wanted.
    func requireOneMethod(for library: String) throws(AdapterError) {
        guard let first = partNames.first else { return }
        throw .notConvertible(
            library,
            reason:
                "it has parts of several methods (\(methodNames.joined(separator: ", "))), and a folder there has one;"
                + " convert each by itself, as \(first)")
    }
}
