/// The methods that there are.
public enum AdapterMethods {
    /// Each in the file of its name.
    public static let all: [any AdapterMethod.Type] = [
        LoRAMethod.self, AdaLoRAMethod.self,
        IA3Method.self, VeRAMethod.self, LoHaMethod.self, LoKrMethod.self, OFTMethod.self, BOFTMethod.self,
        NormTuningMethod.self, BitFitMethod.self, PrefixTuningMethod.self, PromptTuningMethod.self, PTuningMethod.self,
        HoulsbyMethod.self, PfeifferMethod.self, ParallelMethod.self, CompacterMethod.self,
        CompacterPlusPlusMethod.self,
        LoReftMethod.self, NoReftMethod.self, DiReftMethod.self, FusionMethod.self,
    ]

    /// The method called `name`; nil if there is none.
    public static func named(_ name: String) -> (any AdapterMethod.Type)? { all.first { $0.name == name } }

    /// A name that people may say, and what it means: a method, with some of its settings.
    public struct Name: Sendable {
        /// The name.
        public let name: String
        /// The method.
        public let method: any AdapterMethod.Type
        /// The settings that the name says.
        public let settings: [String: MethodSettings.Value]
    }

    /// All names that recipes and the command line know: those of the methods, and some of what methods come in.
    public static let names: [Name] =
        all.map { Name(name: $0.name, method: $0, settings: [:]) } + [
            Name(name: "dora", method: LoRAMethod.self, settings: ["dora": .flag(true)]),
            Name(name: "lora-fa", method: LoRAMethod.self, settings: ["train_a": .flag(false)]),
            Name(name: "bottleneck", method: PfeifferMethod.self, settings: [:]),
        ]
}
