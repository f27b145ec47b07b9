import Files

extension ReftSettings {
    /// Reads the fields of `config` in `adapter_config.json`.
    ///
    /// The library leaves `subtract_projection` out when it writes, and takes it for true when it reads, so that a DiReFT of its
    /// own comes back as NoReFT. Graft writes it where it is false, and reads it.
    init(_ fields: JSONFields) throws(JSONFieldsError) {
        try fields.checkNames([
            "architecture", "layers", "prefix_positions", "suffix_positions", "r", "orthogonality", "tied_weights",
            "subtract_projection", "dropout", "non_linearity", "output_reft", "init_weights_seed", "dtype",
        ])
        self.init(
            prefix: try fields.count("prefix_positions", default: 3),
            suffix: try fields.count("suffix_positions", default: 0), rank: try fields.positive("r"),
            isOrthogonal: try fields.flag("orthogonality", default: false),
            subtractsProjection: try fields.flag("subtract_projection", default: true))
        layers = fields.value("layers") as? String == "all" ? nil : try fields.wholeNumbers("layers")
        isTied = try fields.flag("tied_weights", default: false)
        dropoutRate = try fields.number("dropout", default: 0.05, in: 0...0.99)
        if let name = try fields.text("non_linearity") {
            guard let kind = BottleneckSettings.Activation(rawValue: name.lowercased()) else {
                let known = BottleneckSettings.Activation.allCases.map(\.rawValue).joined(separator: ", ")
                throw fields.invalid("non_linearity", name, known)
            }
            activation = kind
        }
        let stands = try fields.flag("output_reft", default: true)
        try fields.check("output_reft", stands, "true", stands)
    }

    /// All fields of `config`.
    var fields: [String: Any] {
        var fields: [String: Any] = [
            "architecture": "reft", "layers": layers ?? "all", "prefix_positions": prefix, "suffix_positions": suffix,
            "r": rank, "orthogonality": isOrthogonal, "tied_weights": isTied,
            "dropout": AdapterHubFiles.decimal(dropoutRate),
            "non_linearity": activation?.rawValue ?? AdapterHubFiles.null,
            "dtype": AdapterHubFiles.null, "output_reft": true,
            "init_weights_seed": AdapterHubFiles.null,
        ]
        if !subtractsProjection { fields["subtract_projection"] = false }
        return fields
    }
}
