import Encoders

extension AdapterSet {
    /// What of it is in some layers. Embeddings are in none; the norm behind the last layer is in that.
    package func inLayers(_ layers: Set<Int>) -> AdapterSet { filtered { $0.map(layers.contains) ?? false } }

    /// What of it is not in these layers.
    package func outsideLayers(_ layers: Set<Int>) -> AdapterSet { filtered { !($0.map(layers.contains) ?? false) } }

    private func filtered(_ isKept: (_ layer: Int?) -> Bool) -> AdapterSet {
        AdapterSet(
            linear.filter { isKept($0.key.layer) }, norms: norms.filter { isKept($0.key.layer) },
            embeddings: isKept(nil) ? embeddings : nil)
    }
}

extension AdapterBundle {
    /// What is left of it where the changes in some layers were merged: for `encoder`, the one that they were merged into. nil where
    /// nothing is left.
    ///
    /// - Precondition: all of it is of linear maps, norms and tables.
    package func leavingOut(layers merged: Set<Int>, on encoder: TransformerEncoder) -> AdapterBundle? {
        guard parts.isEmpty else {
            let left = parts.compactMap { part in
                part.bundle.leavingOut(layers: merged, on: encoder).map { (part.name, $0) }
            }
            return left.count > 1 ? AdapterBundle(left, on: encoder) : left.first?.1
        }
        let rest = adapters.outsideLayers(merged)
        return rest.isEmpty ? nil : AdapterBundle(self, rest, on: encoder)
    }
}
