extension Truncation {
    /// Reads the truncation of tokenizer.json. Its stride only says how far the parts that are cut off overlap.
    init(_ json: JSONObject) throws(TokenizerError) {
        try json.allow(only: ["direction", "max_length", "strategy", "stride"])
        let strategies: [String: Strategy] = [
            "LongestFirst": .longestFirst, "OnlyFirst": .onlyFirst, "OnlySecond": .onlySecond,
        ]
        guard let strategy = strategies[try json.string("strategy")] else {
            throw json.unexpected("strategy", strategies.keys.sorted().joined(separator: ", "))
        }
        let sides: [String: Side] = ["Left": .left, "Right": .right]
        guard let side = sides[try json.optionalString("direction") ?? "Right"] else {
            throw json.unexpected("direction", "Left or Right")
        }
        self.init(limit: try json.count("max_length"), strategy: strategy, side: side)
    }
}
