import Encoders
import Files
import Safetensors

/// What can be wrong with an adapter or its folder.
public enum AdapterError: Error, Sendable {
    /// `adapter_config.json` is wrong in itself.
    case configuration(JSONFieldsError)
    /// A field asks for something that changes the result and that Graft does not have.
    case unsupportedField(file: String, field: String, found: String, expected: String)
    /// A target or a pattern matches no module of the encoder; `nearest` is the most similar name there is.
    case targetMatchesNothing(file: String, target: String, available: [String], nearest: String?)
    /// A module is in several parts of a recipe.
    case inSeveralParts(module: String)
    /// A method that is on no module stands in several parts of a recipe.
    case methodInSeveralParts(method: String)
    /// The list of a folder's parts does not fit the folder, or the parts one another.
    case wrongParts(file: String, reason: String)
    /// Something that a method does not do.
    case notOfMethod(String, method: String)
    /// A pattern that is no regular expression.
    case invalidPattern(file: String, field: String, pattern: String)
    /// The weights file is wrong in itself.
    case weights(SafetensorsError)
    /// A tensor that the configuration asks for is not there; `nearest` is the most similar name there is.
    case missingTensor(file: String, tensor: String, nearest: String?)
    /// A tensor that nothing asks for.
    case unexpectedTensor(file: String, tensor: String)
    /// A tensor of the encoder that was trained there and that Graft keeps frozen.
    case staysFrozen(file: String, tensor: String)
    /// A tensor of another shape than the configuration and the encoder ask for.
    case wrongShape(file: String, tensor: String, found: [Int], expected: [Int])
    /// A tensor with numbers that are infinite or none.
    case notFinite(file: String, tensor: String, count: Int)
    /// The adapter was trained on other weights than these; `baseModel` is what its folder calls them.
    case otherBase(folder: String, baseModel: String?, found: String, expected: String)
    /// A layer that the encoder does not have.
    case noSuchLayer(Int, layers: Int)
    /// A linear map that layers of the encoder's family do not have.
    case noSuchProjection(Projection, family: String, available: [Projection])
    /// Something to unfreeze that encoders of this family do not have.
    case nothingToUnfreeze(String, family: String)
    /// A setting of a method that is of another kind than it should be, or out of range.
    case invalidSetting(String, found: String, expected: String)
    /// A method that needs what encoders of this family do not have.
    case notForFamily(method: String, family: String, reason: String)
    /// A recipe that adapts no linear map at all.
    case nothingTargeted
    /// A linear map that no block ends with, where a method stands behind blocks.
    case noBlockBehind(Projection, ends: [Projection])
    /// A method that PEFT does not have, in files of PEFT.
    case notInPEFT(method: String)
    /// AdapterHub's files have no place for what was unfrozen of the encoder.
    case notInAdapterHub(method: String)
    /// A folder of AdapterHub's library whose weights are a pickle, which can run code when it is read.
    case pickledWeights(file: String, needed: String)
    /// An adapter that cannot be part of a fusion.
    case notFusible(String, reason: String)
    /// The folder of a fusion without that of one of its adapters.
    case missingFusedAdapter(String, folder: String)
    /// An adapter that another library has no files for.
    case notConvertible(String, reason: String)
    /// Settings that say the width of bottlenecks in some layers and not in this one.
    case noReduction(layer: Int)
    /// Kronecker products of this dimension do not come to these widths.
    case indivisibleWidth(hidden: Int, bottleneck: Int, dimension: Int)
    /// A rank above what the encoder's width allows.
    case rankTooLarge(Int, limit: Int)
    /// A file could not be written.
    case files(FilesError)
    /// A file of the base model could not be copied.
    case notCopied(from: String, reason: String)
    /// The adapter at this site is no change of a weight.
    case notMergeable(site: String)
    /// The changes of an adapter cannot be added to those of others, or multiplied.
    case notAdded(adapter: String, reason: String)
    /// An adapter cannot start at a site in the way asked for.
    case cannotStart(_ start: String, site: String, reason: String)
    /// The adapter at this site changes a bias, and the map there has none in the model's files.
    case noBias(site: String)
}

extension AdapterError {
    /// Refuses a tensor of a file that has numbers which are infinite or none.
    static func checkFinite(_ values: [Float], file: String, tensor: String) throws(AdapterError) {
        guard !values.allSatisfy(\.isFinite) else { return }
        throw .notFinite(file: file, tensor: tensor, count: values.count { !$0.isFinite })
    }
}

extension AdapterError: CustomStringConvertible {
    /// One line for people.
    public var description: String {
        switch self {
        case .configuration(let error): "\(error)"
        case .unsupportedField(let file, let field, let found, let expected):
            "\(file): '\(field)' is \(found), which changes the result and is not supported; expected \(expected)"
        case .targetMatchesNothing(let file, let target, let available, let nearest):
            "\(file): '\(target)' matches no module of this encoder that can be adapted"
                + (nearest.map { "; the nearest is '\($0)'" } ?? "") + "; it has \(available.joined(separator: ", "))"
        case .inSeveralParts(let module):
            "the module \(module) is in several parts of the recipe; leave it to one of them"
        case .methodInSeveralParts(let method):
            "the method '\(method)' is in several parts of the recipe, and it is not on single modules; leave it to one of them"
        case .wrongParts(let file, let reason): "\(file): \(reason)"
        case .notOfMethod(let what, let method): "the method '\(method)' \(what)"
        case .invalidPattern(let file, let field, let pattern):
            "\(file): '\(pattern)' in '\(field)' is not a regular expression"
        case .weights(let error): "\(error)"
        case .missingTensor(let file, let tensor, let nearest):
            "\(file) has no tensor '\(tensor)', which adapter_config.json asks for"
                + (nearest.map { "; the nearest is '\($0)'" } ?? "")
        case .unexpectedTensor(let file, let tensor):
            "\(file) has the tensor '\(tensor)', which nothing in adapter_config.json and this encoder asks for"
        case .staysFrozen(let file, let tensor):
            "\(file) has the trained tensor '\(tensor)', of relative positions; Graft keeps these as they are in the base, so"
                + " that it cannot compute what this adapter does"
        case .wrongShape(let file, let tensor, let found, let expected):
            "\(file): tensor '\(tensor)' has shape \(found), expected \(expected)"
        case .notFinite(let file, let tensor, let count):
            "\(file): tensor '\(tensor)' has \(count == 1 ? "1 number" : "\(count) numbers") infinite or not a number, expected"
                + " finite ones alone; the adapter is broken, so train it again or take another copy of it"
        case .otherBase(let folder, let baseModel, let found, let expected):
            "\(folder) was trained on \(baseModel.map { "the base '\($0)'" } ?? "a base") with fingerprint"
                + " \(expected.prefix(16))…, this model has \(found.prefix(16))…;"
                + " use the model it was trained on, or --allow-other-base"
        case .noSuchLayer(let layer, let layers):
            "there is no layer \(layer): the encoder has layers 0 to \(layers - 1)"
        case .noSuchProjection(let projection, let family, let available):
            "layers of \(family) have no linear map '\(projection.rawValue)'; they have"
                + " \(available.map(\.rawValue).joined(separator: ", "))"
        case .nothingToUnfreeze(let part, let family):
            "there are no \(part) to unfreeze: encoders of the family \(family) have none in this shape"
        case .invalidSetting(let name, let found, let expected): "'\(name)' is \(found), expected \(expected)"
        case .notForFamily(let method, let family, let reason):
            "\(method) does not go with encoders of the family \(family): \(reason)"
        case .nothingTargeted: "the recipe adapts nothing; name at least one projection and one layer"
        case .noBlockBehind(let projection, let ends):
            "no block ends with '\(projection.rawValue)', and this method stands behind blocks; choose among"
                + " \(ends.map(\.rawValue).joined(separator: ", "))"
        case .notInPEFT(let method): "PEFT has no method '\(method)'; it is one of AdapterHub's"
        case .notInAdapterHub(let method):
            "what is unfrozen of the encoder has no place in the files of '\(method)', which are AdapterHub's; leave it"
                + " frozen, or choose a method of PEFT"
        case .pickledWeights(let file, let needed):
            "\(file) is a pickle, which Graft does not read; write \(needed) from it: python -c \"import torch;"
                + " from safetensors.torch import save_file; save_file({k: v.clone() for k, v in torch.load('\(file)',"
                + " weights_only=True).items()}, '\(needed)')\""
        case .notFusible(let adapter, let reason): "'\(adapter)' cannot be fused: \(reason)"
        case .missingFusedAdapter(let name, let folder):
            "\(folder) has the fusion of the adapter '\(name)', and not its folder; copy it there, under this name"
        case .notConvertible(let library, let reason):
            "the adapter cannot be written for \(library): \(reason)"
        case .noReduction(let layer):
            "the reduction factors say nothing of layer \(layer); add it, or a 'default'"
        case .indivisibleWidth(let hidden, let bottleneck, let dimension):
            "hypercomplex maps of dimension \(dimension) need widths that are multiples of it, found \(hidden) and a"
                + " bottleneck of \(bottleneck); choose another reduction factor or dimension"
        case .rankTooLarge(let rank, let limit): "the rank is \(rank), at most \(limit) is possible on this encoder"
        case .files(let error): "\(error)"
        case .notCopied(let folder, let reason): "the files of \(folder) could not be copied: \(reason)"
        case .notAdded(let adapter, let reason):
            "the adapter '\(adapter)' cannot work with a weight or beside others: \(reason)"
        case .notMergeable(let site):
            "the adapter of \(site) is no change of a weight, so that no weight can do what it does: it computes something of its own"
                + " between the frozen parts; keep it as an adapter"
        case .cannotStart(let start, let site, let reason): "the start '\(start)' at \(site): \(reason)"
        case .noBias(let site):
            "the adapter at \(site) has a bias and the map there has none, so there is no tensor to merge it into; keep the"
                + " adapter apart, or train it without 'lora_bias'"
        }
    }
}
