import Matrices

/// The head of transformers' task model as a folder of PEFT's has it: modules that were trained and saved whole.
package struct SavedTaskHead: Sendable {
    /// `task_type`: `SEQ_CLS` or `TOKEN_CLS`.
    package let taskType: String
    /// Each tensor by its name in the task model ("classifier.weight"); a vector's values are one row.
    package let tensors: [(name: String, shape: [Int], values: Matrix)]

    package init(taskType: String, tensors: [(name: String, shape: [Int], values: Matrix)]) {
        (self.taskType, self.tensors) = (taskType, tensors)
    }

    /// The modules of the tensors, sorted.
    package var modules: [String] {
        Set(tensors.map { String($0.name[..<($0.name.lastIndex(of: ".") ?? $0.name.endIndex)]) }).sorted()
    }
}
