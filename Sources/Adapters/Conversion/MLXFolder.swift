import Encoders
import Files
import Foundation
import Matrices
import Safetensors

/// A LoRA as mlx-lm and mlx-swift keep it: `adapter_config.json` with one rank and one scale for all, and `adapters.safetensors` with
/// `<module>.lora_a` [inputs, rank] and `<module>.lora_b` [rank, outputs].
///
/// Modules are called as in the Hugging Face checkpoint, which is what mlx ports of encoders call them too.
struct MLXFolder {
    static let weightsName = "adapters.safetensors"
    private let folder: URL
    private var weights: URL { folder.appending(path: MLXFolder.weightsName) }
    private var path: String { weights.path(percentEncoded: false) }

    init(_ folder: URL) { self.folder = folder }

    /// Writes both files into the folder, made if it is not there. Lower ranks are filled up with zeros, which changes nothing; other
    /// scales go into B.
    func write(_ parts: LowRankParts, for encoder: TransformerEncoder) throws(AdapterConversionError) {
        let scale = parts.usualScale
        let parts = parts.padded().scaled(to: scale)
        let (config, names) = (encoder.config, encoder.config.names)
        let layers = Set(parts.parts.map(\.site.layer))
        let projections = Set(parts.parts.map(\.site.projection))
        // mlx adapts modules by their name in a layer in the last layers, or by their whole name.
        let first = layers.min() ?? 0
        let isRegular =
            parts.parts.count == projections.count * layers.count && layers.count == config.distinctLayers - first
        let keys =
            isRegular
            ? Projection.allCases.filter(projections.contains).map(names.module(of:))
            : parts.parts.map { names.module(of: $0.site) }
        let fields: [String: Any] = [
            "fine_tune_type": "lora", "num_layers": isRegular ? layers.count : config.distinctLayers,
            "lora_parameters": [
                "rank": parts.parts.first?.rank ?? 0, "scale": Double("\(scale)") ?? Double(scale), "dropout": 0.0,
                "keys": keys,
            ],
        ]
        var writer = SafetensorsWriter(
            metadata: ["format": "mlx", AdapterBundle.fingerprintKey: "\(encoder.fingerprint)"])
        for part in parts.parts {
            let module = names.module(of: part.site)
            let (a, b) = (part.a.transposedCopy, part.b.transposedCopy)
            writer.add(module + ".lora_a", shape: [a.rows, a.columns], floats: a.values)
            writer.add(module + ".lora_b", shape: [b.rows, b.columns], floats: b.values)
        }
        let configURL = folder.appending(path: AdapterBundle.configName)
        do { try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true) } catch {
            throw .files(FilesError("create", folder.path(percentEncoded: false)))
        }
        do { try AtomicFile.write(JSONFields.encoded(fields), to: configURL) } catch { throw .files(error) }
        do { try writer.write(to: weights) } catch { throw .weights(error) }
    }

    /// Reads the folder; every tensor is consumed or named.
    func read(for encoder: TransformerEncoder, allowingOtherBase: Bool) throws(AdapterConversionError) -> LowRankParts {
        let scale: Float
        do throws(JSONFieldsError) {
            let fields = try JSONFields(contentsOf: folder.appending(path: AdapterBundle.configName))
            _ = try fields.choice("fine_tune_type", default: "lora", of: [("lora", ())])
            let parameters = fields.value("lora_parameters") as? [String: Any]
            let value = try fields.required("lora_parameters.scale", parameters?["scale"])
            guard let number = value as? Double, number.isFinite else {
                throw fields.invalid("lora_parameters.scale", value, "a number")
            }
            scale = Float(number)
        } catch { throw .configuration(error) }
        let file: SafetensorsFile
        do { file = try SafetensorsFile(contentsOf: weights) } catch { throw .weights(error) }
        if let fingerprint = file.metadata[AdapterBundle.fingerprintKey], !allowingOtherBase,
            fingerprint != "\(encoder.fingerprint)"
        {
            throw .otherBase(file: path, found: "\(encoder.fingerprint)", expected: fingerprint)
        }
        guard !file.names.isEmpty else { throw .empty(file: path) }
        let (config, names) = (encoder.config, encoder.config.names)
        let sites = (0..<config.distinctLayers).flatMap { layer in
            config.projections.map { Site(layer: layer, projection: $0) }
        }
        let prefix = file.names.allSatisfy { $0.hasPrefix(names.taskPrefix) } ? names.taskPrefix : ""
        let byModule = Dictionary(uniqueKeysWithValues: sites.map { (prefix + names.module(of: $0), $0) })
        let known = byModule.keys.sorted().flatMap { [$0 + ".lora_a", $0 + ".lora_b"] }
        var parts: [LowRankParts.Part] = []
        for name in file.names {
            let module = name.hasSuffix(".lora_a") || name.hasSuffix(".lora_b") ? String(name.dropLast(7)) : name
            guard let site = byModule[module], module != name,
                let (inputs, outputs) = config.extents(of: site.projection)
            else { throw .unexpectedTensor(file: path, tensor: name, nearest: NearestName.to(name, among: known)) }
            let (aName, bName) = (module + ".lora_a", module + ".lora_b")
            for half in [aName, bName] where !file.names.contains(half) {
                throw .missingTensor(file: path, tensor: half)
            }
            guard name == aName else { continue }
            let (a, aShape) = try matrix(aName, file)
            guard let a, aShape[0] == inputs, a.columns > 0 else {
                throw .wrongShape(file: path, tensor: aName, found: aShape, expected: "[\(inputs), rank]")
            }
            let (b, bShape) = try matrix(bName, file)
            guard let b, bShape == [a.columns, outputs] else {
                throw .wrongShape(file: path, tensor: bName, found: bShape, expected: "[\(a.columns), \(outputs)]")
            }
            parts.append(
                LowRankParts.Part(site: site, a: a.transposedCopy, b: b.transposedCopy, scale: scale))
        }
        return LowRankParts(parts)
    }

    /// A tensor and its shape; nil if it is no matrix.
    private func matrix(
        _ name: String, _ file: SafetensorsFile
    ) throws(AdapterConversionError) -> (matrix: Matrix?, shape: [Int]) {
        do throws(SafetensorsError) {
            let tensor = try file.tensor(named: name)
            guard tensor.shape.count == 2 else { return (nil, tensor.shape) }
            let values = try tensor.floats()
            return (Matrix(rows: tensor.shape[0], columns: tensor.shape[1], values: values), tensor.shape)
        } catch { throw .weights(error) }
    }
}

extension Matrix {
    /// Rows and columns exchanged.
    fileprivate var transposedCopy: Matrix {
        let values = values
        return Matrix(
            rows: columns, columns: rows, values: (0..<count).map { values[$0 % rows * columns + $0 / rows] })
    }
}
