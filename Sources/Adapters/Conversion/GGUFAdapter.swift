import Encoders
import Files
import Foundation
import Matrices
import Safetensors

/// A LoRA as llama.cpp keeps it: one GGUF file with `<weight>.lora_a` [rank, inputs] and `<weight>.lora_b` [outputs, rank] for each
/// weight, and one alpha for all. The scale is alpha / rank, or 1 where alpha is 0.
struct GGUFAdapter {
    private let url: URL
    private var path: String { url.path(percentEncoded: false) }

    init(_ url: URL) { self.url = url }

    private static let alphaKey = "adapter.lora.alpha"

    /// Writes the file; a scale that alpha and rank do not give goes into B.
    func write(
        _ parts: LowRankParts, for encoder: TransformerEncoder, as type: ElementType
    ) throws(AdapterConversionError) {
        let names = try GGUFNames(for: encoder.config.family)
        // An alpha of 0 would be none, and mean a scale of 1.
        let alphas = parts.parts.map { $0.scale * Float($0.rank) }.filter { $0 != 0 }
        let alpha = alphas.max { left, right in alphas.count { $0 == left } < alphas.count { $0 == right } } ?? 1
        var writer = GGUFWriter()
        writer.add("general.architecture", .text(names.architecture))
        writer.add("general.type", .text("adapter"))
        writer.add("adapter.type", .text("lora"))
        writer.add(GGUFAdapter.alphaKey, .float(alpha))
        writer.add(AdapterBundle.fingerprintKey, .text("\(encoder.fingerprint)"))
        for part in parts.parts {
            let own = LowRankParts([part]).scaled(to: alpha / Float(part.rank)).parts[0]
            let weight = names.weight(part.site)
            writer.add(weight + ".lora_a", shape: [own.a.rows, own.a.columns], floats: own.a.values, as: type)
            writer.add(weight + ".lora_b", shape: [own.b.rows, own.b.columns], floats: own.b.values, as: type)
        }
        do { try writer.write(to: url) } catch { throw .files(error) }
    }

    /// Reads the file; every tensor is consumed or named.
    func read(for encoder: TransformerEncoder, allowingOtherBase: Bool) throws(AdapterConversionError) -> LowRankParts {
        let file: GGUFFile
        do { file = try GGUFFile(contentsOf: url) } catch { throw .gguf(error) }
        let config = encoder.config
        let names = try GGUFNames(for: config.family)
        try check(file, "general.type", "adapter")
        try check(file, "adapter.type", "lora")
        guard case .text(let architecture) = file.values["general.architecture"], architecture == names.architecture
        else {
            throw .otherArchitecture(
                file: path, found: GGUFAdapter.words(file.values["general.architecture"]), expected: names.architecture)
        }
        if file.values["adapter.alora.invocation_tokens"] != nil {
            throw .notLowRank(part: path, found: "an adapter that begins at some tokens (aLoRA)", format: .gguf)
        }
        if case .text(let fingerprint) = file.values[AdapterBundle.fingerprintKey], !allowingOtherBase,
            fingerprint != "\(encoder.fingerprint)"
        {
            throw .otherBase(file: path, found: "\(encoder.fingerprint)", expected: fingerprint)
        }
        var alpha: Float = 0
        switch file.values[GGUFAdapter.alphaKey] {
        case nil: break
        case .float(let value) where value.isFinite: alpha = value
        case let value:
            throw .gguf(
                GGUFError(
                    path: path,
                    problem: .value(
                        key: GGUFAdapter.alphaKey, found: GGUFAdapter.words(value), expected: "a 32-bit number")))
        }
        guard !file.names.isEmpty else { throw .empty(file: path) }
        let sites = (0..<config.distinctLayers).flatMap { layer in
            config.projections.map { Site(layer: layer, projection: $0) }
        }
        let byWeight = Dictionary(uniqueKeysWithValues: sites.map { (names.weight($0), $0) })
        let known = sites.flatMap { ["\(names.weight($0)).lora_a", "\(names.weight($0)).lora_b"] }
        var parts: [LowRankParts.Part] = []
        for name in file.names {
            let weight = name.hasSuffix(".lora_a") || name.hasSuffix(".lora_b") ? String(name.dropLast(7)) : name
            guard let site = byWeight[weight], weight != name,
                let (inputs, outputs) = config.extents(of: site.projection)
            else { throw .unexpectedTensor(file: path, tensor: name, nearest: NearestName.to(name, among: known)) }
            guard name.hasSuffix(".lora_a") else {
                if file.shape(of: weight + ".lora_a") == nil {
                    throw .missingTensor(file: path, tensor: weight + ".lora_a")
                }
                continue
            }
            let other = weight + ".lora_b"
            guard let aShape = file.shape(of: name), let aValues = file.floats(of: name) else { continue }
            guard let bShape = file.shape(of: other), let bValues = file.floats(of: other) else {
                throw .missingTensor(file: path, tensor: other)
            }
            guard aShape.count == 2, aShape[1] == inputs, aShape[0] > 0 else {
                throw .wrongShape(file: path, tensor: name, found: aShape, expected: "[rank, \(inputs)]")
            }
            let rank = aShape[0]
            guard bShape == [outputs, rank] else {
                throw .wrongShape(file: path, tensor: other, found: bShape, expected: "[\(outputs), \(rank)]")
            }
            parts.append(
                LowRankParts.Part(
                    site: site, a: Matrix(rows: rank, columns: inputs, values: aValues),
                    b: Matrix(rows: outputs, columns: rank, values: bValues),
                    scale: alpha == 0 ? 1 : alpha / Float(rank)))
        }
        return LowRankParts(parts)
    }

    private func check(_ file: GGUFFile, _ key: String, _ expected: String) throws(AdapterConversionError) {
        guard file.values[key] == .text(expected) else {
            throw .gguf(
                GGUFError(
                    path: path,
                    problem: .value(key: key, found: GGUFAdapter.words(file.values[key]), expected: "'\(expected)'")))
        }
    }

    private static func words(_ value: GGUFValue?) -> String {
        switch value {
        case nil: "missing"
        case .text(let text): "'\(text)'"
        case .integer(let number): "\(number)"
        case .float(let number): "\(number)"
        case .double(let number): "\(number)"
        case .flag(let flag): "\(flag)"
        case .array(let values): "a list of \(values.count)"
        }
    }
}
