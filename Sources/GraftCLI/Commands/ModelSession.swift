import Foundation
import Graft

/// What every command that runs the encoder does first: it sets the machine up and reads the model.
struct ModelSession {
    /// What `--model` says.
    let name: String
    /// Where that is.
    let location: ModelLocation
    /// The encoder with the tasks that were loaded.
    var model: AdaptedModel

    /// Reads the model that the line names.
    init(_ values: OptionValues) throws {
        try self.init(
            name: values[SharedOptions.model], threads: values[SharedOptions.Machine.threads],
            precision: values[SharedOptions.Machine.precision])
    }

    /// Reads a model by name. `precision` nil is the best that the processor computes in.
    init(name: String, threads: Int?, precision: Precision?) throws {
        try Machine.prepare(threads: threads)
        self.name = name
        location = try ModelCache().locate(name)
        model = try AdaptedModel(contentsOf: location.folder, precision: precision ?? .automatic)
    }

    /// The folder that the name means.
    var folder: URL { location.folder }

    /// What adapter folders call the base: a Hub id without its revision, a folder by its name.
    var baseName: String { location.reference.map { "\($0.name)" } ?? folder.lastPathComponent }

    /// Loads a task under the name of its folder.
    mutating func load(_ adapter: URL, named task: String? = nil, _ values: OptionValues) throws -> String {
        let task = task ?? adapter.standardizedFileURL.lastPathComponent
        try model.load(task, from: adapter, allowingOtherBase: values[SharedOptions.allowOtherBase])
        for line in model.tasks[task]?.ignored ?? [] { StandardError.print("note: ignored \(line)") }
        return task
    }

    /// Loads adapters under their folders' names, or under their paths where two have the same, each at its weight; of one folder that is
    /// named twice, with its weight behind the path.
    mutating func load(_ adapters: [WeightedFolder], _ values: OptionValues) throws -> [String] {
        let names = adapters.map { $0.folder.standardizedFileURL.lastPathComponent }
        let paths = adapters.map(\.folder.relativePath)
        return try adapters.enumerated().map { index, adapter in
            var name = names.count { $0 == names[index] } > 1 ? paths[index] : names[index]
            if adapter.weight != 1, paths.count(where: { $0 == paths[index] }) > 1 { name += "=\(adapter.weight)" }
            let task = try load(adapter.folder, named: name, values)
            if adapter.weight != 1 { try model.scaleAdapters(of: task, by: Float(adapter.weight)) }
            return task
        }
    }

    /// Loads the head that the model folder has: as `graft merge` writes it, or as a task model of transformers does.
    mutating func loadOwnHead(_ values: OptionValues) throws -> String {
        if HeadFiles.exist(in: folder) { return try load(folder, values) }
        guard try model.checkpointHead() != nil else {
            throw CommandLineError.conflict(
                "the model \(name) has no head of its own, so an adapter has to answer; name its folder with"
                    + " --adapter DIR")
        }
        try model.addCheckpointHead(as: baseName)
        return baseName
    }
}

/// The machine that work runs on.
enum Machine {
    /// Sets the number of threads and makes sure that the kernels asked for are there.
    static func prepare(threads: Int?) throws {
        if let threads { Parallel.threads = threads }
        guard Kernels.chosen != nil else {
            let found = ProcessInfo.processInfo.environment["GRAFT_KERNELS"] ?? ""
            throw CommandLineError.conflict(
                "GRAFT_KERNELS is '\(found)', expected one of those that this processor can run: "
                    + "\(Kernels.available.joined(separator: ", ")); or leave it unset")
        }
    }
}
