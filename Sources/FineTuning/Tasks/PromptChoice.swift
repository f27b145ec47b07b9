import Encoders
import Tokenizers

/// What stands before each text to embed.
public enum PromptChoice: Sendable, Equatable {
    /// The model folder's default prompt, where it has one.
    case standard
    /// The model folder's prompt of this name.
    case named(String)
    /// This text; empty for none.
    case text(String)
}

extension AdaptedModel {
    /// The text of a prompt, empty for none.
    ///
    /// - Throws: ``PredictionError`` if the model folder has no prompt of that name.
    public func prompt(_ choice: PromptChoice) throws(PredictionError) -> String {
        switch choice {
        case .standard: return sentence.prompts.standard
        case .text(let text): return text
        case .named(let name):
            guard let prompt = sentence.prompts.byName[name] else {
                throw .noSuchPrompt(name, known: sentence.prompts.byName.keys.sorted())
            }
            return prompt
        }
    }

    /// The tokens that texts begin with because of a prompt, as sentence-transformers counts them: those of the prompt alone,
    /// without a special token at their end.
    func tokenCount(ofPrompt prompt: String) throws(TokenizerError) -> Int {
        if prompt.isEmpty { return 0 }
        let tokens = try tokenizer.tokenize(prompt, limit: maximumTokens)
        guard let last = tokens.ids.last, let isOfTheTokenizer = tokens.isSpecial.last else { return 0 }
        let special = tokenizer.specialTokens
        let named = [special.unknown, special.classification, special.separator, special.padding, special.mask]
        return tokens.count - (isOfTheTokenizer || named.contains(last) ? 1 : 0)
    }
}
