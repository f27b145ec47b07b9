import Matrices

/// The head of transformers' task model as a folder of PEFT's has it: modules that were trained and saved whole.
package struct SavedTaskHead: Sendable {
    /// `task_type`: `SEQ_CLS` or `TOKEN_CLS`.
    package let taskType: String
    /// What `modules_to_save` calls the modules; of a folder that was read, all that it calls.
    package let modules: [String]
    /// Each tensor by its name in the task model ("classifier.weight"); a vector's values are one row.
    package let tensors: [(name: String, shape: [Int], values: Matrix)]

    package init(
        taskType: String, modules: [String], tensors: [(name: String, shape: [Int], values: Matrix)]
    ) {
        (self.taskType, self.modules, self.tensors) = (taskType, modules, tensors)
    }
}
