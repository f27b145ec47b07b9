import Foundation
import Matrices
import Safetensors

/// A frozen pretrained encoder: embeddings and transformer layers, whose linear maps adapters can change for one call.
///
/// A value without state: many adapters share one encoder, and switching between them copies no weights.
public struct TransformerEncoder: Sendable {
    /// What `config.json` says.
    public let config: EncoderConfig
    /// Identifies the frozen weights; see ``BaseFingerprint``.
    public let fingerprint: BaseFingerprint
    /// How the frozen weights are held.
    public let precision: Precision
    var embeddings: Embeddings
    /// In the order in which they run; some may have the weights of others.
    var layers: [EncoderLayer]
    /// Behind the last layer, in pre-norm encoders.
    var finalNorm: Norm?
    /// Behind that.
    private let finalDropout: Dropout

    /// Reads a Hugging Face model folder (`config.json`, `model.safetensors` or its shards) and packs the weights.
    ///
    /// - Throws: ``EncoderError`` naming the file and the field or tensor.
    public init(contentsOf folder: URL, precision: Precision = .float32) throws(EncoderError) {
        try self.init(contentsOf: folder, precision: precision, beside: {})
    }

    /// The same, with `work` done by one of the threads while the others pack the layers; not at all if the folder is refused
    /// before.
    package init(
        contentsOf folder: URL, precision: Precision, beside work: () -> Void
    ) throws(EncoderError) {
        let config = try EncoderConfig(contentsOf: folder)
        let names = config.names
        let checkpoint = try Checkpoint(contentsOf: folder, names)
        self.config = config
        self.precision = precision
        embeddings = try Embeddings(config, names, checkpoint, precision)
        let positions = try LoadedPositions(config, names, checkpoint)
        let loaded = Parallel.map(config.distinctLayers + 1) { turn -> Result<EncoderLayer, EncoderError>? in
            if turn == 0 {
                work()
                return nil
            }
            return Result { () throws(EncoderError) in
                try EncoderLayer(index: turn - 1, config, names, checkpoint, precision, positions)
            }
        }
        var distinct: [EncoderLayer] = []
        for layer in loaded.compactMap({ $0 }) { distinct.append(try layer.get()) }
        layers = (0..<config.layers).map {
            distinct[config.distinctLayer(of: $0)].running(at: $0, config, precision, positions)
        }
        finalNorm = nil
        finalDropout = Dropout(rate: config.finalDropout, name: "final")
        if let module = names.finalNorm { finalNorm = try checkpoint.norm(module, config, width: config.hiddenSize) }
        fingerprint = BaseFingerprint(checkpoint.used)
        checkpoint.releasePages()
    }

    /// The hidden states [tokens, hidden] of a batch.
    ///
    /// The pullback takes their gradient down to the lowest part that trains and no further; it gives the gradient at the
    /// embeddings if the pass demands the input's gradient.
    ///
    /// - Precondition: token ids are below the vocabulary size, texts no longer than the maximum positions.
    public func forward(
        _ batch: PackedBatch, adapters: AdapterSet, _ pass: Pass
    ) -> (hidden: Matrix, pullback: Pullback) {
        let longest = maximumTokens(behind: adapters)
        precondition(
            batch.sequences.allSatisfy { $0.count <= longest }, "a text is at most \(longest) tokens long")
        if let prompt = adapters.prompt { return forward(batch, behind: prompt, adapters, pass) }
        let (x, embeddingPullback) = embeddings.forward(batch, adapters, pass)
        let (hidden, pullbacks) = run(x, layers[...], batch, adapters, pass)
        return (
            hidden,
            { [demand = pass.demand] dy, gradients in
                let dx = TransformerEncoder.walk(pullbacks, dy, &gradients)
                if let embeddingPullback { embeddingPullback(dx, &gradients) }
                return demand == .parametersAndInput ? dx : .empty
            }
        )
    }

    /// The same with virtual tokens before each text, of which the hidden states say nothing.
    private func forward(
        _ batch: PackedBatch, behind prompt: SoftPrompt, _ adapters: AdapterSet, _ pass: Pass
    ) -> (hidden: Matrix, pullback: Pullback) {
        let longer = batch.behindVirtualTokens(prompt.count)
        let (x, embeddingPullback) = embeddings.forward(longer, adapters, pass)
        let (hidden, pullbacks) = run(x, layers[...], longer, adapters, pass)
        return (
            batch.own(hidden, behind: prompt.count),
            { [demand = pass.demand] dy, gradients in
                let dHidden = batch.spread(dy, behind: nil, count: prompt.count)
                let dx = TransformerEncoder.walk(pullbacks, dHidden, &gradients)
                if let embeddingPullback { embeddingPullback(dx, &gradients) }
                return demand == .parametersAndInput ? batch.own(dx, behind: prompt.count) : .empty
            }
        )
    }

    /// How many tokens a text may have: as many as there are positions, but for those that virtual tokens take.
    public func maximumTokens(behind adapters: AdapterSet) -> Int { config.maximumPositions - adapters.virtualTokens }

    // MARK: In two parts

    /// The lowest part, in the order in which they run, that the adapters change and, if `trained` is not nil, that has one of
    /// these parameters; nil where there is none.
    ///
    /// Virtual tokens change all that is above the embeddings: states that enter a layer in between have no rows for them.
    public func lowestPart(changedBy adapters: AdapterSet, training trained: Set<Parameter>? = nil) -> EncoderPart? {
        if trained == nil, !adapters.prefixes.isEmpty { return .embeddings }
        let lowest = lowestTrained(adapters, trained)
        return lowest != nil && adapters.prompt != nil ? .embeddings : lowest
    }

    private func lowestTrained(_ adapters: AdapterSet, _ trained: Set<Parameter>?) -> EncoderPart? {
        func trains(_ parameters: [Parameter]) -> Bool {
            trained.map { trained in parameters.contains(where: trained.contains) } ?? !parameters.isEmpty
        }
        let ofEmbeddings = (adapters.embeddings?.parameters ?? []) + [adapters.prompt?.rows].compactMap { $0 }
        if trains(ofEmbeddings + (adapters.norms[.embeddings]?.parameters ?? [])) { return .embeddings }
        var changed = Set(adapters.linear.filter { trains($0.value.parameters) }.map(\.key.layer))
        changed.formUnion(adapters.norms.filter { trains($0.value.parameters) }.compactMap(\.key.layer))
        changed.formUnion(adapters.blocks.filter { trains($0.value.parameters) }.map(\.key.layer))
        changed.formUnion(adapters.outputs.filter { trains($0.value.parameters) }.keys)
        changed.formUnion(adapters.prefixes.filter { trains($0.value.parameters) }.map(\.key))
        return layers.firstIndex { changed.contains($0.maps.layer) }.map { .layer($0) }
    }

    /// The lowest of the layers, in the order in which they run, that adapters change; nil where none does. The embeddings
    /// count as the first.
    public func lowestLayer(changedBy adapters: AdapterSet) -> Int? {
        switch lowestPart(changedBy: adapters) {
        case nil: nil
        case .embeddings: 0
        case .layer(let layer): layer
        }
    }

    /// The states [tokens, hidden] that enter `layer`, as in inference: no dropout, no way back. After the last layer, they
    /// are the hidden states.
    ///
    /// A text has the same states, bit for bit, in whatever batch it is.
    package func states(
        entering layer: Int, _ batch: PackedBatch, adapters: AdapterSet = .none,
        _ parameters: ParameterVector = ParameterVector([])
    ) -> Matrix {
        states(entering: layer, batch, adapters: adapters, Pass(parameters: parameters))
    }

    /// The same for a pass that other batches share; its dropout and its demand do not count.
    package func states(
        entering layer: Int, _ batch: PackedBatch, adapters: AdapterSet, _ pass: Pass
    ) -> Matrix {
        var pass = pass.demanding(.nothing)
        pass.dropout = nil
        let longer = adapters.prompt.map { batch.behindVirtualTokens($0.count) } ?? batch
        let states = run(embeddings.forward(longer, adapters, pass).x, layers[..<layer], longer, adapters, pass).hidden
        guard let prompt = adapters.prompt else { return states }
        precondition(layer == layers.count, "states between layers have no rows for virtual tokens")
        return batch.own(states, behind: prompt.count)
    }

    /// The hidden states [tokens, hidden] of a batch from the states that enter `layer`, by it and the layers above. The
    /// pullback is that of the whole encoder, but ends here.
    ///
    /// - Precondition: where gradients are demanded, nothing that trains lies below.
    package func forward(
        _ states: Matrix, entering layer: Int, _ batch: PackedBatch, adapters: AdapterSet, _ pass: Pass
    ) -> (hidden: Matrix, pullback: Pullback) {
        precondition(states.rows == batch.tokens.count, "each token has a state")
        precondition(
            adapters.prompt == nil || layer == layers.count, "states between layers have no rows for virtual tokens")
        precondition(
            pass.demand == .nothing
                || lowestPart(changedBy: adapters, training: pass.trained) ?? .layer(layer) >= .layer(layer),
            "nothing that trains lies below the layers that run")
        let (hidden, pullbacks) = run(states, layers[layer...], batch, adapters, pass)
        return (hidden, { dy, gradients in TransformerEncoder.walk(pullbacks, dy, &gradients) })
    }

    /// The way back through some layers, from the top; empty from where nobody reads the gradient.
    private static func walk(_ pullbacks: [Pullback], _ dy: Matrix, _ gradients: inout Gradients) -> Matrix {
        var dy = dy
        for pullback in pullbacks.reversed() where dy.count > 0 { dy = pullback(dy, &gradients) }
        return dy
    }

    /// The embeddings and the output of each layer, for looking inside; the last is that of the encoder.
    package func hiddenStates(_ batch: PackedBatch, _ pass: Pass = Pass(parameters: ParameterVector([]))) -> [Matrix] {
        var states = [embeddings.forward(batch, .none, pass).x]
        let hidden = run(states[0], layers[...], batch, .none, pass) { states.append($0) }.hidden
        states[states.count - 1] = hidden
        return states
    }

    func run(
        _ states: Matrix, _ layers: ArraySlice<EncoderLayer>, _ batch: PackedBatch, _ adapters: AdapterSet,
        _ pass: Pass, observe: (Matrix) -> Void = { _ in }
    ) -> (hidden: Matrix, pullbacks: [Pullback]) {
        var hidden = states
        var pullbacks: [Pullback] = []
        let lowest = pass.demand == .parameters ? lowestTrained(adapters, pass.trained) : nil
        for layer in layers {
            let demand = demand(of: layer.index, lowest, pass)
            let (y, pullback) = layer.forward(hidden, batch, adapters, pass.demanding(demand))
            hidden = y
            observe(hidden)
            if demand > .nothing { pullbacks.append(pullback) }
        }
        if let finalNorm, !layers.isEmpty, layers.endIndex == self.layers.endIndex {
            let isBackwardRun = !pullbacks.isEmpty
            let site = NormSite(layer: config.distinctLayers - 1, place: .final)
            let (y, pullback) = finalNorm.changed(at: site, by: adapters, pass)
                .forward(hidden, isBackwardRun: isBackwardRun)
            let mask = finalDropout.mask(pass)
            hidden = y
            if let mask { hidden.drop(mask) }
            if isBackwardRun {
                pullbacks.append { dy, gradients in
                    var dy = dy
                    if let mask { dy.drop(mask) }
                    return pullback(dy, &gradients)
                }
            }
        }
        return (hidden, pullbacks)
    }

    /// What one layer's backward has to give, so that nothing is computed or kept below the lowest part that trains.
    private func demand(of layer: Int, _ lowest: EncoderPart?, _ pass: Pass) -> GradientDemand {
        guard pass.demand == .parameters else { return pass.demand }
        guard let lowest, .layer(layer) >= lowest else { return .nothing }
        return .layer(layer) == lowest ? .parameters : .parametersAndInput
    }
}
