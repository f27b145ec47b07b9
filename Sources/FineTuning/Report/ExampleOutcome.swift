/// What a task answered to one text of which the answer is known.
public struct ExampleOutcome: Sendable, Equatable {
    /// The text.
    public var input: TextInput
    /// Its line in the data file, from 1.
    public var line: Int
    /// What is known, and what was answered, in words.
    public var expected, answered: String
    /// How far the answer is from what is known: the loss of the text.
    public var loss: Double
    /// Whether the answer is right; nil where answers are numbers.
    public var isRight: Bool?
    /// Both as numbers, where they are some.
    public var numbers: Numbers?

    /// A number that is known and the one that was answered.
    public struct Numbers: Sendable, Equatable {
        /// The number that is known.
        public var expected: Double
        /// The answer.
        public var answered: Double

        /// The given numbers.
        public init(expected: Double, answered: Double) { (self.expected, self.answered) = (expected, answered) }
    }

    /// The given facts.
    public init(
        input: TextInput, line: Int, expected: String, answered: String, loss: Double, isRight: Bool?,
        numbers: Numbers? = nil
    ) {
        (self.input, self.line, self.expected, self.answered) = (input, line, expected, answered)
        (self.loss, self.isRight, self.numbers) = (loss, isRight, numbers)
    }
}

extension [ExampleOutcome] {
    /// The worst answers, the worst first; of answers that are right or wrong only wrong ones.
    func mostMistaken(_ limit: Int) -> [ExampleOutcome] {
        Array(filter { $0.isRight != true }.sorted { ($1.loss, $0.line) < ($0.loss, $1.line) }.prefix(limit))
    }
}
