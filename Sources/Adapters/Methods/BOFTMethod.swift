import Encoders
import Files
import Matrices
import Safetensors

/// BOFT (``BOFT``), as PEFT files it.
///
/// Where PEFT has no CUDA it takes one butterfly factor, whatever its configuration says, and writes that configuration with it. So
/// a folder has as many factors as its tensors, and those that Graft writes say how many that is.
public struct BOFTMethod: AdapterMethod {
    /// "boft"
    public static let name = "boft"
    /// "BOFT"
    public static let peftType = "BOFT"
    /// ".boft_"
    public static let tensorMark = ".boft_"
    /// Those of PEFT that matter, in full words.
    public static let settingNames = ["block_size", "blocks", "factors", "dropout"]
    /// Those honoured, and those that say how training went.
    public static let fieldNames: Set<String> = [
        "boft_block_size", "boft_block_num", "boft_n_butterfly_factor", "boft_dropout", "init_weights",
    ]

    /// Blocks by their size (`boft_block_size`) or their number (`boft_block_num`).
    public var cut: OFTMethod.Cut
    /// `boft_n_butterfly_factor`
    public var butterflyFactors: Int
    /// Share of the blocks of one butterfly factor that turn nothing in a step: `boft_dropout`.
    public var dropoutRate: Float

    /// BOFT with PEFT's settings.
    public init(cut: OFTMethod.Cut = .size(4), butterflyFactors: Int = 1, dropoutRate: Float = 0) {
        (self.cut, self.butterflyFactors, self.dropoutRate) = (cut, butterflyFactors, dropoutRate)
    }

    /// The usual settings, but for those that are said.
    public init(_ settings: MethodSettings) throws(AdapterError) {
        self.init(
            butterflyFactors: try settings.integer("factors", default: 1, in: 1...12),
            dropoutRate: try settings.number("dropout", default: 0, in: 0...0.99))
        if settings["blocks"] == nil {
            cut = .size(try settings.integer("block_size", default: 4, in: 1...4096))
        } else {
            guard settings["block_size"] == nil else {
                throw settings.invalid("block_size", "nothing, for the number of blocks is given")
            }
            cut = .count(try settings.integer("blocks", default: 1, in: 1...4096))
        }
    }

    /// The method and its size.
    public var summary: String {
        let factors = butterflyFactors == 1 ? "" : " and \(butterflyFactors) butterfly factors"
        return switch cut {
        case .size(let size): "BOFT in blocks of \(size)" + factors
        case .count(let count): "BOFT in \(count) blocks" + factors
        }
    }

    /// A rotation at each site that turns nothing yet, and factors of 1.
    public func fresh(
        at sites: [Site], on encoder: TransformerEncoder, seed: UInt64
    ) throws(AdapterError) -> (adapters: AdapterSet, parameters: ParameterVector) {
        var linear: [Site: BOFT] = [:]
        for site in sites { linear[site] = try adapter(at: site, on: encoder.config, butterflyFactors) }
        let adapters = AdapterSet(linear)
        var parameters = ParameterVector(adapters.parameters)
        for adapter in linear.values { adapter.initialize(&parameters) }
        return (adapters, parameters)
    }

    private func adapter(
        at site: Site, on config: EncoderConfig, _ butterflyFactors: Int
    ) throws(AdapterError) -> BOFT? {
        guard let (inputs, outputs) = config.extents(of: site.projection) else { return nil }
        let (size, name, found) =
            switch cut {
            case .size(let size): (size, "block_size", size)
            case .count(let count): (inputs % count == 0 ? inputs / count : 0, "blocks", count)
            }
        guard BOFT.isPossible(inputs: inputs, blockSize: size, butterflyFactors: butterflyFactors) else {
            let pairs = butterflyFactors == 1 ? "" : ", of even size, and can be paired \(butterflyFactors - 1) times"
            throw .invalidSetting(
                name, found: "\(found)", expected: "blocks that cover the \(inputs) inputs of \(site)" + pairs)
        }
        return BOFT(
            name: site.description, inputs: inputs, outputs: outputs, blockSize: size,
            butterflyFactors: butterflyFactors, dropoutRate: dropoutRate)
    }
}

// MARK: PEFT's files

extension BOFTMethod {
    /// PEFT's fields, with PEFT's defaults.
    public init(_ fields: JSONFields) throws(AdapterError) {
        do {
            let (size, count) = (
                try fields.count("boft_block_size", default: 4), try fields.count("boft_block_num", default: 0)
            )
            try fields.check(
                "boft_block_size", size, "0 where 'boft_block_num' is not, and more than 0 where that is 0",
                (size == 0) != (count == 0))
            self.init(
                cut: size == 0 ? .count(count) : .size(size),
                butterflyFactors: try fields.positive("boft_n_butterfly_factor", default: 1),
                dropoutRate: try fields.number("boft_dropout", default: 0, in: 0...0.99))
        } catch { throw .configuration(error) }
    }

    /// What PEFT writes.
    public func fields() -> [String: Any] { fields(butterflyFactors) }

    /// With as many butterfly factors as there are.
    public func fields(
        of adapters: AdapterSet, _ targets: PEFTConfiguration.Targets, on config: EncoderConfig
    ) -> [String: Any] {
        let found = adapters.sites.compactMap { (adapters.linear[$0]?.proper as? BOFT)?.butterflyFactors }
        return fields(found.max() ?? butterflyFactors)
    }

    private func fields(_ butterflyFactors: Int) -> [String: Any] {
        var fields: [String: Any] = [
            "boft_dropout": PEFTConfiguration.plain(dropoutRate), "boft_n_butterfly_factor": butterflyFactors,
            "fan_in_fan_out": false, "init_weights": true,
        ]
        switch cut {
        case .size(let size): (fields["boft_block_size"], fields["boft_block_num"]) = (size, 0)
        case .count(let count): (fields["boft_block_size"], fields["boft_block_num"]) = (0, count)
        }
        return fields
    }

    /// `boft_R` and `boft_s` of each site.
    public func read(
        _ reader: inout AdapterReader, at sites: [Site]
    ) throws(AdapterError) -> (adapters: AdapterSet, parameters: ParameterVector) {
        var linear: [Site: BOFT] = [:]
        for site in sites {
            let found = reader.shape(of: reader.peftNames.module(site) + ".boft_R")?.first
            linear[site] = try adapter(at: site, on: reader.encoder.config, found == 1 ? 1 : butterflyFactors)
        }
        return try reader.read(linear, BOFTMethod.tensors)
    }

    /// `boft_R` and `boft_s` of each site.
    public func write(
        _ adapters: AdapterSet, _ parameters: ParameterVector, _ names: PEFTNames, into writer: inout SafetensorsWriter
    ) {
        writer.add(adapters, parameters, names) { ($0 as? BOFT).map(BOFTMethod.tensors) }
    }

    private static func tensors(_ adapter: BOFT) -> [AdapterTensor] {
        let size = adapter.rotation.columns
        let blocks = adapter.rotation.rows / size / adapter.butterflyFactors
        return [
            AdapterTensor(".boft_R", adapter.rotation, shape: [adapter.butterflyFactors, blocks, size, size]),
            AdapterTensor(".boft_s", adapter.factors, shape: [adapter.factors.columns, 1]),
        ]
    }
}
