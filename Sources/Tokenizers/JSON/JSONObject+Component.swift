extension JSONObject {
    /// What the component is.
    func type() throws(TokenizerError) -> String { try string("type") }

    func unsupported(_ stage: String, _ supported: [String], found: String) -> TokenizerError {
        .unsupportedComponent(file: file, stage: "\(stage) at \(path)", found: found, supported: supported)
    }
}
