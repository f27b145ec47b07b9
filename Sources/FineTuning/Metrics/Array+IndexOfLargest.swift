extension [Float] {
    /// Where the largest number is, the first of several alike: the label that probabilities choose. Zero if there is none.
    var indexOfLargest: Int { indices.max { (self[$0], $1) < (self[$1], $0) } ?? 0 }
}
