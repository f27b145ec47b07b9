import Encoders

extension AdapterSet {
    /// Leaves the gradient of what methods add to the loss of a step, whatever its texts are: of fusions, that their values stay
    /// near the identity.
    package func addRegularization(
        _ parameters: ParameterVector, _ trained: Set<Parameter>, to gradients: inout Gradients
    ) {
        for site in blockSites {
            (blocks[site] as? AdapterFusion)?.addRegularization(parameters, trained, to: &gradients)
        }
    }

    /// Whether there is such a thing.
    package var isRegularized: Bool { blocks.values.contains { ($0 as? AdapterFusion)?.isRegularized ?? false } }
}
