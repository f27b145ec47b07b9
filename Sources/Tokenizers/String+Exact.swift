extension String {
    /// Whether two strings are the same scalars.
    ///
    /// Swift's `==` also holds between “é” and “e” with a combining accent. Those are two tokens.
    func isExactly(_ other: String) -> Bool { utf8.elementsEqual(other.utf8) }
}
