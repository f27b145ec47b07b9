extension ModelHubError: CustomStringConvertible {
    /// One line: what was found, what was expected, and what to do.
    public var description: String {
        switch self {
        case .malformedName(let text):
            "\"\(text)\" is neither a folder nor a model's name; names look like "
                + "sentence-transformers/all-MiniLM-L6-v2"
        case .malformedRevision(let text): "\"\(text)\" is no branch, tag or commit"
        case .noSuchFolder(let path): "there is no folder \(path)"
        case .notInCache(let reference, let searched):
            "\(reference) is neither a folder nor a model in a cache (searched \(searched.joined(separator: ", "))); "
                + "fetch it with: graft pull \(reference)"
        case .offline(let wanted, let searched):
            "\(wanted) is not here (searched \(searched.joined(separator: ", "))), and is not fetched because "
                + "HF_HUB_OFFLINE or TRANSFORMERS_OFFLINE is set; unset it, or copy the files from another machine"
        case .malformedEndpoint(let text):
            "HF_ENDPOINT is \"\(text)\", expected an address such as https://huggingface.co"
        case .notFound(let model, let endpoint, let token):
            "\(endpoint) has no model \(model)"
                + (token.map { " that the token in \($0) may see; check the spelling, and the token" }
                    ?? "; check the spelling")
        case .noSuchRevision(let reference, let endpoint):
            "\(endpoint) has \(reference.name), but no branch, tag or commit \(reference.revision) of it; "
                + "they are listed on \(endpoint)/\(reference.name)/tree/main"
        case .unauthorized(let model, let status, let token):
            "the Hub refused \(model) (status \(status)): "
                + (token.map { "the token in \($0) gives no access to it; check the spelling, or use another token" }
                    ?? "it does not exist, or is private; check the spelling, or \(Self.loggingIn) with access to it")
        case .gated(let model, let page, let token):
            "\(model) is gated: ask for access on \(page), "
                + (token.map { "as the user whose token is in \($0)" } ?? "and \(Self.loggingIn) of that user")
                + "; then pull again"
        case .tokenRefused(let origin):
            "the Hub does not know the token in \(origin); make a new one on https://huggingface.co/settings/tokens"
        case .disabled(let model): "the Hub has disabled access to \(model); its page says why"
        case .unreachable(let endpoint, let reason):
            "\(endpoint) could not be reached (\(reason)); check the network, or set HF_ENDPOINT to a mirror"
        case .serverError(let address, let status): "\(address) answered with status \(status); try again later"
        case .unexpectedAnswer(let address, let expected):
            "\(address) gave an unexpected answer, expected \(expected); is HF_ENDPOINT a Hugging Face Hub?"
        case .missingFile(let model, let expected, let advice):
            "\(model) has no \(expected)" + (advice.map { "; \($0)" } ?? "")
        case .noSafetensors(let model, let found, let isSentenceTransformer):
            "\(model) has no \(ModelFiles.weights) but \(found.joined(separator: ", ")), and only safetensors are read; "
                + "pull a revision with safetensors, if the model's page has one (--revision refs/pr/N), or convert it: "
                + WeightConversion.command(
                    for: model, found: found, isSentenceTransformer: isSentenceTransformer)
        case .otherWeights(let model, let found, let expected):
            "the weights of \(model) have SHA-256 \(found), expected \(expected), with which Graft's examples were made; "
                + "to have them all the same, name their commit with --revision"
        case .truncated(let file, let found, let expected):
            "\(file) broke off at \(found) of \(expected) bytes; pull again to go on from there"
        case .tooLong(let file, let found, let expected):
            "\(file) has \(expected) bytes but at least \(found) came; it was removed, pull again"
        case .wrongHash(let file, let found, let expected):
            "\(file) has the hash \(found), expected \(expected); it was removed, pull again"
        case .pythonFailed(let command, let reason): "`\(command)` failed: \(reason)"
        case .unexpectedContent(let package, let detail): "package \(package) is not as expected: \(detail)"
        case .files(let error): "\(error)"
        }
    }

    /// How to make a token known.
    private static let loggingIn = "set HF_TOKEN to a token (or run `hf auth login`)"
}
