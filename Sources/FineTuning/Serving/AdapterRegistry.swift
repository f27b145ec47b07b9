import Adapters
import Encoders
import Foundation
import Synchronization

/// The adapters of one encoder that is in use, to be loaded, exchanged, weighted and switched off while others predict.
///
/// A registry is shared, and may be changed from any thread; an ``AdaptedModel`` is a value. They meet in ``snapshot``: whoever
/// predicts takes one, and all its answers are of that state, whatever becomes of the registry meanwhile. A snapshot copies no
/// weights, and the encoder is one for all of them.
///
/// ```swift
/// let registry = AdapterRegistry(try AdaptedModel(contentsOf: modelFolder))
/// try registry.load("topics", from: topicsFolder)
/// let answers = try registry.snapshot.predict(["Shares rose again."], task: "topics")
/// try registry.load("topics", from: newerFolder)   // from here on, snapshots answer with the newer one
/// ```
public final class AdapterRegistry: Sendable {
    /// What an adapter of the registry is.
    public struct Entry: Sendable, Equatable {
        /// What it is called.
        public let name: String
        /// "LoRA of rank 8 (alpha 16) on query, value", "a head alone", "topics + 0.5 × sentiment"
        public let what: String
        /// What its folder calls the base; nil where it says nothing.
        public let baseModel: String?
        /// Values of adapters and head, and their bytes in memory.
        public let parameters, bytes: Int
        /// What its changes are multiplied by.
        public let scale: Float
        /// Whether its adapters are at work. Where they are not, its head answers on the encoder as it is.
        public let isEnabled: Bool
        /// How many adapters have had this name so far, this one included.
        public let version: Int
    }

    /// An adapter, as it was given and as it is at work.
    private struct Held {
        enum Source {
            case task(TaskAdapter)
            /// Other adapters of the registry, each with its weight, and whose head answers.
            case sum([(name: String, weight: Float)], headOf: String?)
        }

        var source: Source
        var scale: Float = 1
        var isEnabled = true
        var version: Int
    }

    private struct State {
        var model: AdaptedModel
        var held: [String: Held] = [:]
        var versions: [String: Int] = [:]
    }

    private let state: Mutex<State>
    private let base: AdaptedModel

    /// A registry for the encoder of `model`, with its tasks.
    public init(_ model: AdaptedModel) {
        base = model.withoutTasks
        var state = State(model: model)
        for (name, task) in model.tasks {
            state.held[name] = Held(source: .task(task), version: 1)
            state.versions[name] = 1
        }
        self.state = Mutex(state)
    }

    /// The model with all adapters as they are now: a value that later changes do not reach.
    public var snapshot: AdaptedModel { state.withLock { $0.model } }

    /// What there is, by name.
    public var entries: [Entry] {
        state.withLock { state in
            state.held.keys.sorted().compactMap { name in
                state.held[name].map { AdapterRegistry.entry(name, $0, state) }
            }
        }
    }

    // MARK: Coming and going

    /// Reads an adapter folder and puts it to work under `name`, in place of what had this name. Reading is done beside what is
    /// predicted meanwhile; then the new one is there all at once. Its scale is 1, and it is enabled.
    ///
    /// - Throws: ``TaskAdapterError`` saying what is wrong with which file, ``RegistryError`` if a sum that the old one is part of
    ///   cannot be made of the new one. The old one stays then.
    public func load(_ name: String, from folder: URL, allowingOtherBase: Bool = false) throws {
        try put(name, .task(base.readTask(folder, allowingOtherBase: allowingOtherBase)))
    }

    /// Puts a task that is in memory to work under `name`, in place of what had this name.
    ///
    /// - Throws: ``RegistryError`` if a sum that the old one is part of cannot be made of the new one.
    public func add(_ name: String, _ task: TaskAdapter) throws(RegistryError) { try put(name, .task(task)) }

    /// Several adapters at once, under a name of their own: at each place the sum of their changes, each times its weight. The sum
    /// follows what becomes of its parts: another version, another scale, disabled or enabled.
    ///
    /// - Parameters:
    ///   - parts: adapters of the registry with their weights.
    ///   - head: the one whose head answers; nil: none, so that the sum embeds but does not predict.
    /// - Throws: ``RegistryError`` if there is no such adapter, or its method has no sum.
    public func add(
        _ name: String, sumOf parts: [(name: String, weight: Float)], headOf head: String? = nil
    ) throws(RegistryError) {
        guard !parts.isEmpty else { throw .emptySum(name) }
        for part in parts where !part.weight.isFinite { throw .invalidWeight(part.weight, adapter: part.name) }
        try put(name, .sum(parts, headOf: head))
    }

    /// Gives an adapter another name, in sums too.
    ///
    /// - Throws: ``RegistryError`` if there is no such adapter, or one of the new name.
    public func rename(_ name: String, to new: String) throws(RegistryError) {
        try change { state throws(RegistryError) in
            var held = try AdapterRegistry.held(name, state)
            guard name != new else { return }
            guard state.held[new] == nil else { throw .nameTaken(new) }
            state.held[name] = nil
            let version = (state.versions[new] ?? 0) + 1
            (held.version, state.versions[new]) = (version, version)
            state.held[new] = held
            for (sum, var held) in state.held {
                guard case .sum(let parts, let head) = held.source else { continue }
                held.source = .sum(
                    parts.map { (name: $0.name == name ? new : $0.name, weight: $0.weight) },
                    headOf: head == name ? new : head)
                state.held[sum] = held
            }
            if let task = state.model.tasks[name] { state.model.add(new, task) }
            state.model.remove(name)
        }
    }

    /// Takes an adapter away.
    ///
    /// - Throws: ``RegistryError`` if there is none of this name, or sums are made of it.
    public func remove(_ name: String) throws(RegistryError) {
        try change { state throws(RegistryError) in
            _ = try AdapterRegistry.held(name, state)
            let sums = AdapterRegistry.sums(of: name, state)
            guard sums.isEmpty else { throw .partOfSums(name, sums: sums) }
            state.held[name] = nil
            state.model.remove(name)
        }
    }

    // MARK: At work

    /// Multiplies the changes of an adapter by `scale`: 1 is the adapter as it was trained, 0 no change.
    ///
    /// - Throws: ``RegistryError`` if there is none of this name, or its method has no such thing.
    public func setScale(_ scale: Float, of name: String) throws(RegistryError) {
        guard scale.isFinite else { throw .invalidWeight(scale, adapter: name) }
        try update(name) { $0.scale = scale }
    }

    /// Puts the adapters of `name` to work again.
    ///
    /// - Throws: ``RegistryError/noSuchAdapter(_:loaded:)``
    public func enable(_ name: String) throws(RegistryError) { try update(name) { $0.isEnabled = true } }

    /// Switches the adapters of `name` off: its head, if it has one, answers on the encoder as it is.
    ///
    /// - Throws: ``RegistryError/noSuchAdapter(_:loaded:)``
    public func disable(_ name: String) throws(RegistryError) { try update(name) { $0.isEnabled = false } }

    /// Switches all adapters on, or off: then every answer and embedding is, bit for bit, that of the encoder as it is.
    public func setAll(enabled isEnabled: Bool) throws(RegistryError) {
        try change { state throws(RegistryError) in
            for name in state.held.keys { state.held[name]?.isEnabled = isEnabled }
            for name in state.held.keys { try AdapterRegistry.refresh(name, &state) }
        }
    }

    // MARK: Inside

    private func put(_ name: String, _ source: Held.Source) throws(RegistryError) {
        try change { state throws(RegistryError) in
            let version = (state.versions[name] ?? 0) + 1
            state.versions[name] = version
            state.held[name] = Held(source: source, version: version)
            if case .sum(let parts, let head) = source {
                for part in parts.map(\.name) + [head].compactMap({ $0 }) {
                    guard case .task = try AdapterRegistry.held(part, state).source else {
                        throw .sumOfSums(name, part: part)
                    }
                }
            }
            try AdapterRegistry.refresh(name, &state)
        }
    }

    private func update(_ name: String, _ change: (inout Held) -> Void) throws(RegistryError) {
        try self.change { state throws(RegistryError) in
            var held = try AdapterRegistry.held(name, state)
            change(&held)
            state.held[name] = held
            try AdapterRegistry.refresh(name, &state)
        }
    }

    /// Changes the state all at once, or, where `body` throws, not at all.
    private func change(_ body: (inout State) throws(RegistryError) -> Void) throws(RegistryError) {
        try state.withLock { state throws(RegistryError) in
            var changed = state
            try body(&changed)
            state = changed
        }
    }

    private static func held(_ name: String, _ state: State) throws(RegistryError) -> Held {
        guard let held = state.held[name] else { throw .noSuchAdapter(name, loaded: state.held.keys.sorted()) }
        return held
    }

    /// The sums that an adapter is part of.
    private static func sums(of name: String, _ state: State) -> [String] {
        state.held.keys.sorted().filter { sum in
            guard case .sum(let parts, let head) = state.held[sum]?.source else { return false }
            return head == name || parts.contains { $0.name == name }
        }
    }

    /// Makes what is at work of what is held, of one adapter and of the sums that it is part of.
    private static func refresh(_ name: String, _ state: inout State) throws(RegistryError) {
        state.model.add(name, try working(name, state))
        for sum in sums(of: name, state) { state.model.add(sum, try working(sum, state)) }
    }

    private static func working(_ name: String, _ state: State) throws(RegistryError) -> TaskAdapter {
        let held = try held(name, state)
        var terms: [AdapterSet.Term] = []
        let files: HeadFiles?
        switch held.source {
        case .task(let task):
            if held.isEnabled, held.scale == 1 { return task }
            files = task.head
            if held.isEnabled { terms = [term(name, task, held.scale)] }
        case .sum(let parts, let head):
            files = try head.flatMap { name throws(RegistryError) in try task(name, state).head }
            for part in parts where held.isEnabled {
                let own = try AdapterRegistry.held(part.name, state)
                guard own.isEnabled else { continue }
                terms.append(term(part.name, try task(part.name, state), held.scale * own.scale * part.weight))
            }
        }
        do {
            let (adapters, values) = try AdapterSet.sum(terms)
            return TaskAdapter(adapters, values, head: files)
        } catch { throw .adapter(error) }
    }

    private static func term(_ name: String, _ task: TaskAdapter, _ weight: Float) -> AdapterSet.Term {
        AdapterSet.Term(name: name, adapters: task.adapters, pass: task.pass, weight: weight)
    }

    private static func task(_ name: String, _ state: State) throws(RegistryError) -> TaskAdapter {
        guard case .task(let task) = try held(name, state).source else { throw .sumOfSums(name, part: name) }
        return task
    }

    private static func entry(_ name: String, _ held: Held, _ state: State) -> Entry {
        let (what, baseModel): (String, String?)
        switch held.source {
        case .task(let task): (what, baseModel) = (task.summary, task.bundle?.configuration.baseModel)
        case .sum(let parts, _):
            what = parts.map { $0.weight == 1 ? $0.name : "\($0.weight.plainText) × \($0.name)" }.joined(
                separator: " + ")
            baseModel = nil
        }
        let parameters: Int
        switch held.source {
        case .task(let task): parameters = task.parameters.layout.count
        case .sum: parameters = state.model.tasks[name]?.parameters.layout.count ?? 0
        }
        return Entry(
            name: name, what: what, baseModel: baseModel, parameters: parameters,
            bytes: parameters * MemoryLayout<Float>.stride, scale: held.scale, isEnabled: held.isEnabled,
            version: held.version)
    }
}

extension TaskAdapter {
    /// A few words on what it is: "LoRA of rank 8 on query, value in 6 layers", "a head alone".
    fileprivate var summary: String {
        guard let bundle else { return adapters.isEmpty ? "a head alone" : "several adapters" }
        return bundle.parts.isEmpty
            ? TaskAdapter.summary(of: bundle)
            : bundle.parts.map { TaskAdapter.summary(of: $0.bundle) }.joined(separator: " + ")
    }

    private static func summary(of bundle: AdapterBundle) -> String {
        let linear = bundle.adapters.linear
        let projections = Set(linear.keys.map(\.projection))
        let names = Projection.allCases.filter(projections.contains).map(\.rawValue).joined(separator: ", ")
        let layers = Set(linear.keys.map(\.layer)).count
        let method = bundle.configuration.method.summary
        return linear.isEmpty ? method : "\(method) on \(names) in \(layers) layers"
    }
}
