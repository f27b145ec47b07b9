import Adapters
import Encoders

/// Where the adapters of a run go, and what each of them is: what a dry run says module by module.
public struct AdapterPlan: Sendable {
    /// What the run calls the adapter.
    public let name: String
    /// The method, in a few words.
    public let summary: String
    /// What is put on modules of the encoder, from the bottom up.
    public let modules: [Module]
    /// How many modules each entry of the recipe matches.
    public let matches: [TargetMatch]

    /// A module with an adapter on it.
    public struct Module: Sendable, Equatable {
        /// The module's name in the bare model; of what is on no module, that of the parameter.
        public let name: String
        /// What Graft calls it: "layer.3.query".
        public let place: String
        /// What the part is called that it is of, where there are several methods: "1-lora".
        public let part: String?
        /// Numbers that are saved for it.
        public let parameters: Int
        /// Numbers of these that train.
        public let trained: Int

        /// Bytes of the numbers that are saved.
        public var bytes: Int { parameters * MemoryLayout<Float>.stride }
    }

    /// Numbers of all modules that are saved.
    public var parameters: Int { modules.reduce(0) { $0 + $1.parameters } }

    /// The given adapters of an encoder.
    init(
        _ name: String, summary: String, _ adapters: AdapterSet, on config: EncoderConfig, matches: [TargetMatch]
    ) {
        (self.name, self.summary, self.matches) = (name, summary, matches)
        modules =
            adapters.parts.isEmpty
            ? AdapterPlan.modules(of: adapters, part: nil, on: config)
            : adapters.parts.flatMap { AdapterPlan.modules(of: $0.adapters, part: $0.name, on: config) }
    }

    private static func modules(of adapters: AdapterSet, part: String?, on config: EncoderConfig) -> [Module] {
        let places = adapters.places
        var (seen, modules) = (Set<Parameter>(), [Module]())
        func add(_ name: String, _ place: String, _ parameters: [Parameter]) {
            seen.formUnion(parameters)
            modules.append(
                Module(
                    name: name, place: place, part: part, parameters: parameters.reduce(0) { $0 + $1.count },
                    trained: parameters.reduce(0) { $0 + (places[$1]?.isFixed ?? false ? 0 : $1.count) }))
        }
        for module in adapters.adaptedModules {
            add(config.names.module(of: module), module.name, adapters.parameters(at: module))
        }
        for parameter in adapters.parameters where !seen.contains(parameter) && places[parameter]?.part == .adapters {
            add(parameter.name, parameter.name, [parameter])
        }
        return modules
    }
}

extension AdapterPlan {
    /// For people, line by line.
    public var lines: [String] {
        let count = modules.count == 1 ? "1 module" : "\(modules.count) modules"
        var lines = ["adapter \(name): \(summary), on \(count)"]
        var fields: [String] = []
        for match in matches where !fields.contains(match.field) { fields.append(match.field) }
        for field in fields {
            let own = matches.filter { $0.field == field }
            lines.append("  \(field) match  " + own.map { "\($0.entry): \($0.modules)" }.joined(separator: ", "))
        }
        let width = modules.map(\.name.count).max() ?? 0
        var part: String?
        for module in modules {
            if let name = module.part, name != part { lines.append("  part \(name)") }
            part = module.part
            let fixed = module.trained == module.parameters ? "" : ", \(HumanUnits.count(module.trained)) of them train"
            lines.append(
                "  " + module.name.padding(to: width) + "  \(HumanUnits.count(module.parameters)) numbers"
                    + " (\(HumanUnits.bytes(module.bytes)))\(fixed)")
        }
        return lines
    }
}

extension String {
    fileprivate func padding(to width: Int) -> String { self + String(repeating: " ", count: max(0, width - count)) }
}
