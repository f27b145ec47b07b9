import Graft

extension TrainingPlan {
    /// What `graft train --dry-run --json` prints.
    var json: JSONText {
        .object([
            ("encoder", .string(encoder)), ("encoder_parameters", .integer(encoderParameters)),
            ("stages", .array(stages.map(\.json))), ("adapters", .array(adapters.map(\.json))),
            ("settings", .object(settings.map { ($0.name, .string($0.value)) })),
        ])
    }
}

extension AdapterPlan {
    fileprivate var json: JSONText {
        .object([
            ("name", .string(name)), ("summary", .string(summary)), ("parameters", .integer(parameters)),
            (
                "matches",
                .array(
                    matches.map { match in
                        .object([
                            ("field", .string(match.field)), ("entry", .string(match.entry)),
                            ("modules", .integer(match.modules)),
                        ])
                    })
            ),
            (
                "modules",
                .array(
                    modules.map { module in
                        .object([
                            ("name", .string(module.name)), ("place", .string(module.place)),
                            ("part", module.part.map { .string($0) } ?? .null),
                            ("parameters", .integer(module.parameters)),
                            ("trained_parameters", .integer(module.trained)),
                            ("bytes", .integer(module.bytes)),
                        ])
                    })
            ),
        ])
    }
}

extension TrainingPlan.Stage {
    fileprivate var json: JSONText {
        .object([
            ("name", .string(name)), ("trains", .string(trains)), ("epochs", .integer(epochs)),
            ("meaning", .string(meaning.joined(separator: " "))), ("trained_parameters", .integer(parameters)),
            (
                "groups",
                .object(
                    groups.map { group in
                        (
                            group.name,
                            .object([("parameters", .integer(group.parameters)), ("bytes", .integer(group.bytes))])
                        )
                    })
            ),
            ("cost_of_first_epoch", .double(cost.firstEpoch)), ("cost_of_later_epochs", .double(cost.laterEpochs)),
            ("kept_bytes", kept.map { .integer($0.bytes) } ?? .null),
            ("kept_in_memory", kept.map { .flag($0.isInMemory) } ?? .null),
        ])
    }
}
