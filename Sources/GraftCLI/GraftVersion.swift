/// Which Graft this is.
enum GraftVersion {
    static let number = "0.1.0"
    /// The program by name, as it signs what it writes.
    static let program = "graft \(number)"
}
