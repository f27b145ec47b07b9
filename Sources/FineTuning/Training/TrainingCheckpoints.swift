import Files
import Foundation

/// Where a training run keeps its checkpoint, how often it writes it, and whether it goes on from the one that is there.
public struct TrainingCheckpoints: Sendable, Equatable {
    /// The one file, a safetensors file. Each checkpoint replaces the one before, whole or not at all.
    public let file: URL
    /// Steps from one checkpoint to the next; nil: one is written where training is stopped, and no other.
    public let interval: Int?
    /// Whether training goes on from the checkpoint in the file.
    public let isResuming: Bool
    /// The adapter folder that is written once the run is done. Where it holds what this very run came to, there is nothing left to
    /// train, and training says so. Nil: nobody looks.
    public let output: URL?

    /// A checkpoint in `file`, every so many steps and where training is stopped.
    ///
    /// - Precondition: `interval` is above 0.
    public init(
        in file: URL, everySteps interval: Int? = nil, resuming isResuming: Bool = false, output: URL? = nil
    ) {
        precondition(interval ?? 1 > 0, "checkpoints are at least a step apart")
        (self.file, self.interval, self.isResuming, self.output) = (file, interval, isResuming, output)
    }

    /// Whether there is a checkpoint.
    public var exists: Bool { FileManager.default.fileExists(atPath: file.path(percentEncoded: false)) }

    /// Removes the checkpoint if there is one: once training is finished and what it came to is written.
    ///
    /// - Throws: ``FilesError`` if the system refuses.
    public func remove() throws(FilesError) {
        guard exists else { return }
        try FilesError.catching("remove", file.relativePath) { try FileManager.default.removeItem(at: file) }
    }
}
