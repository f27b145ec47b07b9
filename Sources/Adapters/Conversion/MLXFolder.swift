import Encoders
import Files
import Foundation
import Matrices
import Safetensors

/// A LoRA or DoRA as mlx-lm and mlx-swift keep it: `adapter_config.json` with one rank and one scale for all, and `adapters.safetensors`
/// with `<module>.lora_a` [inputs, rank] and `<module>.lora_b` [rank, outputs], and for DoRA `<module>.m` [outputs], which are the
/// lengths of rows that `DoRA` has.
///
/// Modules are called as in the Hugging Face checkpoint, which is what mlx ports of encoders call them too.
struct MLXFolder {
    static let weightsName = "adapters.safetensors"
    private let folder: URL
    private var weights: URL { folder.appending(path: MLXFolder.weightsName) }
    private var path: String { weights.path(percentEncoded: false) }

    init(_ folder: URL) { self.folder = folder }

    /// Whether `adapter_config.json` is mlx's.
    static func wrote(_ fields: JSONFields) -> Bool {
        fields.value("fine_tune_type") != nil || fields.value("lora_parameters") != nil
    }

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
            "fine_tune_type": parts.hasMagnitudes ? "dora" : "lora",
            "num_layers": isRegular ? layers.count : config.distinctLayers,
            "lora_parameters": [
                "rank": parts.parts.first?.rank ?? 0, "scale": MLXFolder.decimal(scale),
                "dropout": MLXFolder.decimal(parts.dropoutRate), "keys": keys,
            ],
        ]
        var writer = SafetensorsWriter(
            metadata: ["format": "mlx", AdapterBundle.fingerprintKey: "\(encoder.fingerprint)"])
        for part in parts.parts {
            let module = names.module(of: part.site)
            let (a, b) = (part.a.transposedCopy, part.b.transposedCopy)
            writer.add(module + ".lora_a", shape: [a.rows, a.columns], floats: a.values)
            writer.add(module + ".lora_b", shape: [b.rows, b.columns], floats: b.values)
            if let m = part.magnitude { writer.add(module + ".m", shape: [m.columns], floats: m.values) }
        }
        let configURL = folder.appending(path: AdapterBundle.configName)
        do throws(FilesError) {
            try FilesError.catching("create", folder.path(percentEncoded: false)) {
                try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
            }
            try AtomicFile.write(JSONFields.encoded(fields), to: configURL)
        } catch { throw .files(error) }
        do { try writer.write(to: weights) } catch { throw .weights(error) }
    }

    /// The shortest decimal that reads back as the same float32.
    private static func decimal(_ value: Float) -> Double { Double("\(value)") ?? Double(value) }

    /// Reads the folder; every tensor is consumed or named.
    func read(for encoder: TransformerEncoder, allowingOtherBase: Bool) throws(AdapterConversionError) -> LowRankParts {
        let (scale, dropoutRate, isDoRA) = try configuration()
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
        let endings = [".lora_a", ".lora_b"] + (isDoRA ? [".m"] : [])
        let modules = sites.map { (module: prefix + names.module(of: $0), site: $0) }
        let known = Set(modules.flatMap { module, _ in endings.map { module + $0 } })
        let present = Set(file.names)
        for name in file.names where !known.contains(name) {
            throw .unexpectedTensor(
                file: path, tensor: name, nearest: NearestName.to(name, among: known.sorted()))
        }
        var parts: [LowRankParts.Part] = []
        for (module, site) in modules {
            let own = endings.map { module + $0 }
            guard own.contains(where: present.contains), let (inputs, outputs) = config.extents(of: site.projection)
            else { continue }
            for name in own where !present.contains(name) { throw .missingTensor(file: path, tensor: name) }
            let a = try matrix(own[0], file) {
                $0.count == 2 && $0[0] == inputs && $0[1] > 0 ? nil : "[\(inputs), rank]"
            }
            let rank = a.columns
            let b = try matrix(own[1], file) { $0 == [rank, outputs] ? nil : "[\(rank), \(outputs)]" }
            let magnitude =
                isDoRA ? try matrix(own[2], file) { $0 == [outputs] ? nil : "[\(outputs)]" } : nil
            parts.append(
                LowRankParts.Part(
                    site: site, a: a.transposedCopy, b: b.transposedCopy, scale: scale, magnitude: magnitude))
        }
        return LowRankParts(parts, dropoutRate: dropoutRate)
    }

    /// What `adapter_config.json` says.
    private func configuration() throws(AdapterConversionError) -> (scale: Float, dropoutRate: Float, isDoRA: Bool) {
        do throws(JSONFieldsError) {
            let fields = try JSONFields(contentsOf: folder.appending(path: AdapterBundle.configName))
            let isDoRA = try fields.choice("fine_tune_type", default: "lora", of: [("lora", false), ("dora", true)])
            guard let own = try fields.object("lora_parameters") else {
                throw .missingField(file: fields.file, field: "lora_parameters")
            }
            let value = try own.required("scale", own.value("scale"))
            guard let scale = value as? Double, scale.isFinite else { throw own.invalid("scale", value, "a number") }
            return (Float(scale), try own.number("dropout", default: 0, in: 0...0.99), isDoRA)
        } catch { throw .configuration(error) }
    }

    /// A tensor as a matrix, a vector as one row. `expected` says of a wrong shape what is.
    private func matrix(
        _ name: String, _ file: SafetensorsFile, _ expected: ([Int]) -> String?
    ) throws(AdapterConversionError) -> Matrix {
        let (shape, values): ([Int], [Float])
        do throws(SafetensorsError) {
            let tensor = try file.tensor(named: name)
            (shape, values) = (tensor.shape, try tensor.floats())
        } catch { throw .weights(error) }
        if let expected = expected(shape) {
            throw .wrongShape(file: path, tensor: name, found: shape, expected: expected)
        }
        let columns = shape.last ?? 0
        return Matrix(rows: columns > 0 ? values.count / columns : 0, columns: columns, values: values)
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
