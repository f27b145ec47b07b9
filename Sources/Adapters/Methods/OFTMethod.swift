import Encoders
import Files
import Matrices
import Safetensors

/// OFT (``OFT``), as PEFT has filed it since 0.17.
public struct OFTMethod: AdapterMethod {
    /// "oft"
    public static let name = "oft"
    /// "OFT"
    public static let peftType = "OFT"
    /// ".oft_"
    public static let tensorMark = ".oft_"
    /// Those of PEFT that matter, in full words.
    public static let settingNames = ["block_size", "blocks", "terms", "exact", "radius", "share_blocks"]
    /// `module_dropout` is a field of PEFT's that its linear maps do not read.
    public static let fieldNames: Set<String> = [
        "r", "oft_block_size", "module_dropout", "init_weights", "coft", "eps", "block_share", "use_cayley_neumann",
        "num_cayley_neumann_terms",
    ]

    /// How a rotation is cut into blocks.
    public enum Cut: Sendable, Equatable {
        /// Rows of a block: `oft_block_size`.
        case size(Int)
        /// Number of blocks: `r`.
        case count(Int)
    }

    /// Blocks by their size or their number. What does not divide the inputs of a map gives way to the nearest that does, the
    /// smaller of two.
    public var cut: Cut
    /// Terms of the series that stands for Cayley's transform: `num_cayley_neumann_terms`; nil: the transform itself.
    public var neumannTerms: Int?
    /// The ball of the constrained variant, COFT: `eps`; nil: no constraint.
    public var radius: Float?
    /// Whether all blocks are one: `block_share`.
    public var sharesBlocks: Bool

    /// OFT with PEFT's settings.
    public init(cut: Cut = .size(32), neumannTerms: Int? = 5, radius: Float? = nil, sharesBlocks: Bool = false) {
        (self.cut, self.neumannTerms) = (cut, neumannTerms)
        (self.radius, self.sharesBlocks) = (radius, sharesBlocks)
    }

    /// The usual settings, but for those that are said.
    public init(_ settings: MethodSettings) throws(AdapterError) {
        self.init(
            neumannTerms: try settings.flag("exact", default: false)
                ? nil : settings.integer("terms", default: 5, in: 2...64),
            radius: try settings["radius"] == nil ? nil : settings.positive("radius", default: 1),
            sharesBlocks: try settings.flag("share_blocks", default: false))
        if settings["blocks"] == nil {
            cut = .size(try settings.integer("block_size", default: 32, in: 2...4096))
        } else {
            guard settings["block_size"] == nil else {
                throw settings.invalid("block_size", "nothing, for the number of blocks is given")
            }
            cut = .count(try settings.integer("blocks", default: 1, in: 1...4096))
        }
    }

    /// The method and its size.
    public var summary: String {
        let name = radius == nil ? "OFT" : "constrained OFT"
        return switch cut {
        case .size(let size): "\(name) in blocks of \(size)"
        case .count(let count): "\(name) in \(count) blocks"
        }
    }

    /// A rotation at each site that turns nothing yet.
    public func fresh(
        at sites: [Site], on encoder: TransformerEncoder, seed: UInt64
    ) throws(AdapterError) -> (adapters: AdapterSet, parameters: ParameterVector) {
        let adapters = AdapterSet(adapters(at: sites, on: encoder.config))
        return (adapters, ParameterVector(adapters.parameters))
    }

    private func adapters(at sites: [Site], on config: EncoderConfig) -> [Site: OFT] {
        var linear: [Site: OFT] = [:]
        for site in sites {
            guard let (inputs, _) = config.extents(of: site.projection) else { continue }
            let form = OFT.Form(
                blockSize: blockSize(for: inputs), sharesBlocks: sharesBlocks, neumannTerms: neumannTerms,
                radius: radius)
            linear[site] = OFT(name: site.description, inputs: inputs, form: form)
        }
        return linear
    }

    private func blockSize(for inputs: Int) -> Int {
        switch cut {
        case .size(let size): OFTMethod.divisor(of: inputs, near: size)
        case .count(let count): inputs / OFTMethod.divisor(of: inputs, near: count)
        }
    }

    /// The divisor that is nearest, the smaller of two.
    static func divisor(of extent: Int, near wanted: Int) -> Int {
        guard wanted < extent else { return extent }
        var (lower, higher) = (wanted, wanted)
        while extent % higher != 0 { higher += 1 }
        while extent % lower != 0 { lower -= 1 }
        return wanted - lower <= higher - wanted ? lower : higher
    }
}

// MARK: PEFT's files

extension OFTMethod {
    /// PEFT's fields, with PEFT's defaults.
    public init(_ fields: JSONFields) throws(AdapterError) {
        // Folders of PEFT before 0.14 have none, and other numbers.
        guard fields.names.contains("oft_block_size") else {
            throw .configuration(.missingField(file: fields.file, field: "oft_block_size"))
        }
        do {
            let (size, count) = (try fields.count("oft_block_size", default: 32), try fields.count("r", default: 0))
            try fields.check(
                "oft_block_size", size, "0 where 'r' is not, and more than 0 where that is 0",
                (size == 0) != (count == 0))
            self.init(
                cut: size == 0 ? .count(count) : .size(size),
                neumannTerms: try fields.flag("use_cayley_neumann", default: true)
                    ? fields.positive("num_cayley_neumann_terms", default: 5) : nil,
                radius: try fields.flag("coft", default: false)
                    ? fields.number("eps", default: 6e-5, in: 0...1e9) : nil,
                sharesBlocks: try fields.flag("block_share", default: false))
        } catch { throw .configuration(error) }
    }

    /// What PEFT writes.
    public func fields() -> [String: Any] {
        var fields: [String: Any] = [
            "block_share": sharesBlocks, "coft": radius != nil, "eps": PEFTConfiguration.plain(radius ?? 6e-5),
            "fan_in_fan_out": false, "init_weights": true, "module_dropout": 0,
            "num_cayley_neumann_terms": neumannTerms ?? 5, "use_cayley_neumann": neumannTerms != nil,
            // The series is that of this version and later ones.
            "peft_version": "0.18.0",
        ]
        switch cut {
        case .size(let size): (fields["oft_block_size"], fields["r"]) = (size, 0)
        case .count(let count): (fields["oft_block_size"], fields["r"]) = (0, count)
        }
        return fields
    }

    /// `oft_R.weight` of each site.
    public func read(
        _ reader: inout AdapterReader, at sites: [Site]
    ) throws(AdapterError) -> (adapters: AdapterSet, parameters: ParameterVector) {
        try reader.read(adapters(at: sites, on: reader.encoder.config)) {
            [AdapterTensor(".oft_R.weight", $0.weight)]
        }
    }

    /// Of the constrained variant, what is within the ball.
    public func write(
        _ adapters: AdapterSet, _ parameters: ParameterVector, _ names: PEFTNames, into writer: inout SafetensorsWriter
    ) {
        for site in adapters.sites {
            guard let adapter = adapters.linear[site]?.proper as? OFT else { continue }
            writer.add(
                names.module(site) + ".oft_R.weight", shape: [adapter.weight.rows, adapter.weight.columns],
                floats: adapter.projected(parameters).values)
        }
    }
}
