extension TransformerEncoder {
    /// Some rows of a batch, whole texts, and what changes the encoder for them.
    package typealias Tenant = (rows: Range<Int>, adapters: AdapterSet, pass: Pass)

    /// Whether texts with these adapters can be in one batch with texts of others: whether all that the adapters change are linear
    /// maps, blocks and the results of layers, and maps see nothing but the rows of texts.
    package func mixes(_ adapters: AdapterSet) -> Bool {
        guard adapters.norms.isEmpty, adapters.embeddings == nil, !adapters.hasVirtualTokens else { return false }
        // Where the table of relative positions goes through the maps of keys and queries, it would have to be one for each task.
        guard config.disentangled?.sharesMaps ?? false else { return true }
        return !adapters.linear.keys.contains { $0.projection == .query || $0.projection == .key }
    }

    /// One set of adapters for a batch of texts of several tasks, for inference: a text's states are, bit for bit, those that it has
    /// with its own task's adapters.
    ///
    /// - Parameter tenants: from the first row up; rows that none of them has go through the frozen encoder alone.
    /// - Precondition: ``mixes(_:)`` for each.
    package func mixing(_ tenants: [Tenant]) -> AdapterSet {
        var mixed: [Site: MixedAdapter] = [:]
        var blocks: [BlockSite: MixedBlock] = [:]
        var outputs: [Int: MixedOutput] = [:]
        for tenant in tenants {
            precondition(
                tenant.adapters.norms.isEmpty && tenant.adapters.embeddings == nil
                    && !tenant.adapters.hasVirtualTokens,
                "adapters in a mixed batch change linear maps, blocks and the results of layers alone")
            for (site, adapter) in tenant.adapters.linear {
                let change: MixedAdapter.Change
                if let adapter = adapter as? any RowwiseAdapter {
                    let base = self[site]
                    change = .beside(
                        tenant.pass.rowChanges.change(at: site, of: base) {
                            adapter.rowChange(of: base, tenant.pass.parameters)
                        })
                } else {
                    change = .instead(adapter, tenant.pass)
                }
                mixed[site, default: MixedAdapter()].shares.append(tenant.rows, change)
            }
            for (site, adapter) in tenant.adapters.blocks {
                blocks[site, default: MixedBlock()].shares.append(tenant.rows, (adapter, tenant.pass))
            }
            for (layer, adapter) in tenant.adapters.outputs {
                outputs[layer, default: MixedOutput()].shares.append(tenant.rows, (adapter, tenant.pass))
            }
        }
        return AdapterSet(mixed, blocks: blocks, outputs: outputs)
    }
}

extension AdapterSet {
    /// Whether all that it changes are linear maps, norms and tables of embeddings.
    package var hasOnlyMapsNormsAndTables: Bool {
        let known =
            linear.values.reduce(0) { $0 + $1.parameters.count } + norms.values.reduce(0) { $0 + $1.parameters.count }
            + (embeddings?.parameters.count ?? 0)
        return known == parameters.count
    }

    /// Whether it puts anything before the texts, or before their keys and values.
    package var hasVirtualTokens: Bool { prompt != nil || !prefixes.isEmpty }
}
