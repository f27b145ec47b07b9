import Encoders
import Files

/// What is asked of a new adapter: the method with its settings, and where it goes.
public struct AdapterRecipe: Sendable, Equatable {
    /// The method.
    public var method: any AdapterMethod
    /// The modules to adapt.
    public var targets: Targets
    /// Modules that are not adapted though they are targets; nil: none.
    public var excluded: Targets?
    /// The layers to adapt; nil: all.
    public var layers: [Int]?
    /// Parts of the encoder with methods, targets, layers and settings of their own; empty: there is one, which is all of the above.
    public var parts: [Part] = []

    /// Which modules of the encoder are meant.
    public enum Targets: Sendable, Equatable {
        /// Those that are usual for the method and the encoder's family.
        case usual
        /// Every linear map: of the layers, and the one that projects embeddings.
        case allLinear
        /// Modules by name: Graft's names of linear maps (`query`) and of tables (`words`), or names of modules, whole or the
        /// ending after a dot, as PEFT has them in `target_modules` (`attention.self.query`, `word_embeddings`).
        case names([String])
        /// A regular expression for the whole name of a module of the bare model: `.*\.[01]\.attention.*`.
        case pattern(String)
    }

    /// A part of the encoder that is adapted in its own way. What it does not say is as in the whole.
    public struct Part: Sendable, Equatable {
        /// The method; nil: that of the whole.
        public var method: (any AdapterMethod)?
        /// The modules; nil: those of the whole.
        public var targets: Targets?
        /// The layers; nil: those of the whole.
        public var layers: [Int]?
        /// Settings of the method that it has of its own.
        public var settings: MethodSettings

        /// The given part.
        public init(
            _ method: (any AdapterMethod)? = nil, targets: Targets? = nil, layers: [Int]? = nil,
            settings: MethodSettings = MethodSettings()
        ) {
            (self.method, self.targets, self.layers, self.settings) = (method, targets, layers, settings)
        }

        /// Equal in method, settings and places.
        public static func == (left: Part, right: Part) -> Bool {
            let isSameMethod =
                switch (left.method, right.method) {
                case (nil, nil): true
                case (let left?, let right?): left.isEqual(to: right)
                default: false
                }
            return isSameMethod && left.targets == right.targets && left.layers == right.layers
                && left.settings == right.settings
        }
    }

    /// A method on some modules of every layer, or of some layers.
    public init(_ method: any AdapterMethod, targets: Targets = .usual, layers: [Int]? = nil) {
        (self.method, self.targets, self.layers) = (method, targets, layers)
    }

    /// A method in every layer, or in some.
    public init(_ method: any AdapterMethod, projections: [Projection]?, layers: [Int]? = nil) {
        self.init(method, layers: layers)
        self.projections = projections
    }

    /// LoRA with the field's usual settings: rank 8, alpha 16, in every layer.
    public init(
        rank: Int = 8, alpha: Float = 16, isRankStabilized: Bool = false, dropoutRate: Float = 0,
        projections: [Projection]? = nil, layers: [Int]? = nil
    ) {
        self.init(
            LoRAMethod(rank: rank, alpha: alpha, isRankStabilized: isRankStabilized, dropoutRate: dropoutRate),
            projections: projections, layers: layers)
    }

    /// Equal in method, settings and places.
    public static func == (left: AdapterRecipe, right: AdapterRecipe) -> Bool {
        left.method.isEqual(to: right.method) && left.targets == right.targets && left.excluded == right.excluded
            && left.layers == right.layers && left.parts == right.parts
    }

    /// The linear maps to adapt, where ``targets`` is a list of such; nil: it is something else.
    public var projections: [Projection]? {
        get {
            guard case .names(let names) = targets else { return nil }
            let projections = names.compactMap(Projection.init(rawValue:))
            return projections.count == names.count ? projections : nil
        }
        set { targets = newValue.map { .names($0.map(\.rawValue)) } ?? .usual }
    }

    /// The linear maps of layers that are meant on an encoder, in the order of computing; none where something does not match.
    public func projections(for config: EncoderConfig) -> [Projection] {
        let meant = Set((try? places(on: config).modules)?.compactMap(\.site?.projection) ?? [])
        return config.projections.filter(meant.contains)
    }

    /// Adapters on the asked modules of `encoder`, with starting values: a function of the seed and of the modules' names.
    ///
    /// - Throws: ``AdapterError`` where a target matches nothing, a layer or a linear map does not exist, nothing is targeted, or two
    ///   parts are on one place.
    public func fresh(
        for encoder: TransformerEncoder, seed: UInt64
    ) throws(AdapterError) -> (adapters: AdapterSet, parameters: ParameterVector) {
        try assembled(on: encoder) { recipe throws(AdapterError) in
            try recipe.freshOfOneMethod(for: encoder, seed: seed)
        }
    }

    func freshOfOneMethod(
        for encoder: TransformerEncoder, seed: UInt64
    ) throws(AdapterError) -> (adapters: AdapterSet, parameters: ParameterVector) {
        let places = try places(on: encoder.config)
        var method = self.method
        for (part, modules) in zip(parts, places.parts) where !part.settings.names.isEmpty {
            method = try method.setting(part.settings, at: modules)
        }
        let embeddings = places.modules.filter { $0.site == nil }
        if !embeddings.isEmpty { method = try method.adapting(embeddings, of: encoder.config) }
        return try method.fresh(at: places.modules.compactMap(\.site), on: encoder, seed: seed)
    }

    /// The recipe that made these adapters, as its library would say it.
    func settled(on adapters: AdapterSet, for config: EncoderConfig) -> AdapterRecipe {
        var recipe = self
        recipe.method = ((method as? LoRAMethod)?.plain ?? method).settled(on: adapters, for: config)
        return recipe
    }
}
