import Encoders
import Files
import Matrices

/// What AdapterHub's library asks of bottlenecks (`BnConfig`): where they stand, how wide they are and how they start.
public struct BottleneckSettings: Sendable, Equatable {
    /// `mh_adapter`, `output_adapter`: the blocks that have one.
    public var blocks: Set<BlockSite.Block>
    /// `reduction_factor`: how many times narrower than the hidden states the bottleneck is.
    public var reduction: Reduction
    /// `non_linearity`
    public var activation: Activation
    /// How they stand around the residual sum.
    public var wiring: BottleneckWiring
    /// `ln_before`, `ln_after`: whether they have norms of their own.
    public var (normsBefore, normsAfter) = (false, false)
    /// `scaling`
    public var scaling = Scaling.constant(1)
    /// `dropout`
    public var dropoutRate: Float = 0
    /// `init_weights`
    public var start = Start.bert
    /// `leave_out`: layers without one.
    public var leftOut: [Int] = []
    /// Whether a width that ``hypercomplex`` maps do not come to is raised to one that they do.
    var roundsWidth = false
    /// The maps as sums of Kronecker products (`phm_layer`); nil: dense.
    public var hypercomplex: Hypercomplex?

    /// How many times narrower a bottleneck is, layer by layer.
    public struct Reduction: Sendable, Equatable {
        /// That of layers of which nothing else is said; nil: all layers have their own.
        public var usual: Double?
        /// That of some layers.
        public var layers: [Int: Double]

        /// The same in every layer, unless `layers` says something else.
        public init(_ usual: Double?, layers: [Int: Double] = [:]) { (self.usual, self.layers) = (usual, layers) }

        /// What makes one width of another.
        init(to width: Int, from hiddenSize: Int) {
            self.init(Double(hiddenSize) / Double(width))
            // The quotient may fall short of the width by a rounding.
            if self.width(of: hiddenSize, inLayer: 0) != width { usual = Double(hiddenSize) / (Double(width) + 0.5) }
        }

        /// The width of the bottleneck in a layer; nil where nothing is said of it.
        func width(of hiddenSize: Int, inLayer layer: Int) -> Int? {
            (layers[layer] ?? usual).map { max(1, Int((Double(hiddenSize) / $0).rounded(.down))) }
        }
    }

    /// An activation, by the library's names.
    public enum Activation: String, Sendable, CaseIterable {
        case relu, gelu, swish, silu
        case geluNew = "gelu_new"
        case geluTanh = "gelu_pytorch_tanh"

        var kind: ActivationKind {
            switch self {
            case .relu: .relu
            case .gelu: .gelu
            case .swish, .silu: .silu
            case .geluNew, .geluTanh: .geluTanh
            }
        }
    }

    /// What a bottleneck's result is multiplied with.
    public enum Scaling: Sendable, Equatable {
        /// A constant.
        case constant(Float)
        /// A factor that trains, from 1.
        case learned
        /// A factor for each column that trains, from 1.
        case channel
    }

    /// How weights start.
    public enum Start: String, Sendable, CaseIterable {
        /// Normal, of deviation 0.02.
        case bert
        /// The way down uniform within ±1/√inputs, the way up at zero: nothing changes yet.
        case mam = "mam_adapter"
        /// Normal, of deviation 0.01 and cut at twice that.
        case houlsby
    }

    /// The fields of Compacter.
    public struct Hypercomplex: Sendable, Equatable {
        /// `phm_dim`: the number of Kronecker products, and the width of the rules.
        public var dimension = 4
        /// `shared_phm_rule`: whether all bottlenecks have the same rules.
        public var sharesRules = true
        /// `factorized_phm_rule`: whether a rule is the product of a column and a row.
        public var hasFactoredRules = false
        /// `shared_W_phm`: whether all bottlenecks have the same blocks.
        public var sharesBlocks = false
        /// `phm_rank`, where `factorized_phm_W`: blocks are products of this rank; nil: they are whole.
        public var rank: Int? = 1
        /// `phm_c_init`: whether rules start normal, of deviation ``rulesStart``, or uniform.
        public var startsNormal = true
        /// `phm_init_range`
        public var rulesStart: Float = 0.0001
        /// `phm_bias`
        public var hasBias = true

        /// The library's usual values.
        public init() {}
    }

    /// Bottlenecks of this wiring, dense and starting as BERT does, unless set otherwise.
    public init(
        blocks: Set<BlockSite.Block>, reduction: Double, activation: Activation, wiring: BottleneckWiring
    ) {
        (self.blocks, self.reduction) = (blocks, Reduction(reduction))
        (self.activation, self.wiring) = (activation, wiring)
    }

    // MARK: The library's own

    /// `double_seq_bn`: behind both blocks (Houlsby et al. 2019).
    public static let houlsby = BottleneckSettings(
        blocks: [.attention, .feedForward], reduction: 16, activation: .swish, wiring: BottleneckWiring())

    /// `seq_bn`: behind the feed-forward block, on top of its norm (Pfeiffer et al. 2020).
    public static let pfeiffer: BottleneckSettings = {
        var wiring = BottleneckWiring()
        wiring.sumsBefore = true
        return BottleneckSettings(blocks: [.feedForward], reduction: 16, activation: .relu, wiring: wiring)
    }()

    /// `par_bn`: beside the feed-forward block, four times as strong (He et al. 2021).
    public static let parallel: BottleneckSettings = {
        var wiring = BottleneckWiring()
        wiring.isParallel = true
        var settings = BottleneckSettings(blocks: [.feedForward], reduction: 2, activation: .relu, wiring: wiring)
        (settings.start, settings.scaling) = (.mam, .constant(4))
        return settings
    }()

    /// `compacter`: as Houlsby's, of hypercomplex maps (Mahabadi et al. 2021).
    public static let compacter: BottleneckSettings = .compact(.houlsby)

    /// `compacter++`: as Pfeiffer's, of hypercomplex maps.
    public static let compacterPlusPlus: BottleneckSettings = .compact(.pfeiffer)

    private static func compact(_ settings: BottleneckSettings) -> BottleneckSettings {
        var settings = settings
        (settings.reduction, settings.activation) = (Reduction(32), .gelu)
        settings.hypercomplex = Hypercomplex()
        return settings
    }
}
