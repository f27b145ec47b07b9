import Files
import Foundation

/// What Hugging Face's environment variables say, read as its own library reads them, so that a machine set up for
/// Python is set up for Graft. An empty variable counts as unset.
///
/// Source: https://huggingface.co/docs/huggingface_hub/package_reference/environment_variables
public struct HuggingFaceEnvironment: Sendable {
    private let variables: [String: String]

    /// Reads these variables; those of the process if none are given.
    public init(_ variables: [String: String] = ProcessInfo.processInfo.environment) { self.variables = variables }

    /// Whether the network is not to be used: `HF_HUB_OFFLINE`, or `TRANSFORMERS_OFFLINE` where that is not set, is 1,
    /// on, yes or true.
    public var isOffline: Bool { isTrue(text("HF_HUB_OFFLINE") ?? text("TRANSFORMERS_OFFLINE")) }

    /// The server's address: `HF_ENDPOINT`, or https://huggingface.co.
    var endpoint: String { text("HF_ENDPOINT") ?? "https://huggingface.co" }

    /// Where models are kept: `HF_HUB_CACHE` or its older name `HUGGINGFACE_HUB_CACHE`, else `hub` in `HF_HOME`.
    var hubCache: URL {
        path("HF_HUB_CACHE") ?? path("HUGGINGFACE_HUB_CACHE") ?? home.appendingPathComponent("hub", isDirectory: true)
    }

    /// `HF_HOME`, else `huggingface` in `XDG_CACHE_HOME`, else `~/.cache/huggingface`.
    private var home: URL {
        path("HF_HOME")
            ?? (path("XDG_CACHE_HOME") ?? userHome.appendingPathComponent(".cache", isDirectory: true))
            .appendingPathComponent("huggingface", isDirectory: true)
    }

    /// The user's own folder: `HOME`, or what the system says.
    var userHome: URL { path("HOME") ?? FileManager.default.homeDirectoryForCurrentUser }

    /// The token for private and gated models: `HF_TOKEN`, `HUGGING_FACE_HUB_TOKEN`, or the content of `HF_TOKEN_PATH`,
    /// else of `token` in `HF_HOME`, where `hf auth login` puts it. None with `HF_HUB_DISABLE_IMPLICIT_TOKEN`.
    func token() throws(ModelHubError) -> AccessToken? {
        guard !isTrue(text("HF_HUB_DISABLE_IMPLICIT_TOKEN")) else { return nil }
        // The first that is set counts, even if it holds nothing but space: then the file is next, not the other name.
        if let name = ["HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"].first(where: { text($0) != nil }),
            let token = AccessToken(text(name) ?? "", origin: name)
        {
            return token
        }
        let file = path("HF_TOKEN_PATH") ?? home.appendingPathComponent("token")
        guard FileManager.default.fileExists(atPath: file.path) else { return nil }
        let content = try ModelHubError.wrapping("read", file) { try Data(contentsOf: file) }
        return AccessToken(String(decoding: content, as: UTF8.self), origin: file.path)
    }

    /// The variable's text, nil if it is unset or empty.
    func text(_ name: String) -> String? { variables[name].flatMap { $0.isEmpty ? nil : $0 } }

    /// The variable as a path, in which `~` and `$NAME` stand for what they stand for in a shell.
    func path(_ name: String) -> URL? {
        guard let value = text(name) else { return nil }
        var expanded = (value as NSString).expandingTildeInPath
        for match in expanded.matches(of: /\$(?:\{(\w+)\}|(\w+))/).reversed() {
            let variable = match.1 ?? match.2 ?? ""
            // What is not set stays as it is written, so that errors show it.
            if let value = variables[String(variable)] { expanded.replaceSubrange(match.range, with: value) }
        }
        return URL(fileURLWithPath: expanded, isDirectory: true)
    }

    private func isTrue(_ value: String?) -> Bool {
        ["1", "ON", "YES", "TRUE"].contains(value?.uppercased() ?? "")
    }
}
