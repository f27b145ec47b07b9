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
}
