import Encoders
import Matrices
import Tokenizers

/// How the answers of a block become batches of the encoder, where texts have tasks of their own:
///
/// - texts of one task are batches of that task;
/// - texts of several tasks share batches, each with its own adapters (``TransformerEncoder/mixing(_:)``), where these allow it;
/// - a text that several tasks read alike goes through the layers that they have in common once (``LayerSharing``).
///
/// An answer is the same, bit for bit, whichever of these it came by.
struct SharedBatches {
    /// The way of one batch.
    enum Way {
        /// All of it for one task.
        case alone(Int)
        /// Each text for a task of its own, those of one task side by side.
        case mixed
        /// Each text for all of these tasks.
        case shared([Int])
    }

    /// Hidden states of texts that one task answers.
    struct Share {
        let kind: Int
        let hidden: Matrix
        let batch: PackedBatch
        /// Which of the batch's slots they are of.
        let slots: [Int]
    }

    private let encoder: TransformerEncoder
    private let tasks: [LayerSharing.Branch]
    /// Of each task, whether its texts can be in batches with those of others, and whether it can be compared with others.
    private let mixes, isComparable: [Bool]
    /// nil where no text has several tasks.
    private let sharing: LayerSharing?

    /// The ways of these tasks; `severalATime`: texts may have more than one of them.
    init(_ encoder: TransformerEncoder, _ tasks: [LayerSharing.Branch], severalATime: Bool) {
        (self.encoder, self.tasks) = (encoder, tasks)
        mixes = tasks.map { tasks.count > 1 && encoder.mixes($0.adapters) }
        isComparable = tasks.map { tasks.count > 1 && !$0.adapters.hasVirtualTokens }
        sharing = severalATime && tasks.count > 1 ? LayerSharing(tasks, on: encoder) : nil
    }

    // MARK: Planning

    /// The most tokens that one text, or one text for some tasks, brings into a batch with others.
    private static let most = 2 * Batching.tokenBudget

    /// Cuts the answers of a block into batches.
    func plan(_ slots: [TextBlocks.Slot]) -> [(job: Way, places: [Int])] {
        var alone: [Int: [Int]] = [:]
        var shared: [[Int]: [[Int]]] = [:]
        if let sharing {
            for places in SharedBatches.readAlike(slots) {
                guard places.count > 1, slots[places[0]].tokens <= SharedBatches.most,
                    places.allSatisfy({ isComparable[slots[$0].kind] })
                else {
                    for place in places { alone[slots[place].kind, default: []].append(place) }
                    continue
                }
                for group in groups(places, slots, sharing) {
                    shared[group.map { slots[$0].kind }, default: []].append(group)
                }
            }
        } else {
            for (place, slot) in slots.enumerated() { alone[slot.kind, default: []].append(place) }
        }
        var jobs: [(job: Way, places: [Int])] = []
        for (kinds, groups) in shared.sorted(by: { $0.key.lexicographicallyPrecedes($1.key) }) {
            let strands = sharing?.strands(of: kinds).count ?? kinds.count
            for part in parts(groups.map { strands * slots[$0[0]].tokens }) {
                jobs.append((job: .shared(kinds), places: part.flatMap { groups[$0] }))
            }
        }
        let kinds = alone.keys.sorted()
        var mixed: [Int] = []
        for kind in kinds {
            guard let places = alone[kind] else { continue }
            let isMixed = kinds.count > 1 && mixes[kind]
            let (own, others) = (
                places.filter { !isMixed || slots[$0].tokens > SharedBatches.most },
                places.filter { isMixed && slots[$0].tokens <= SharedBatches.most }
            )
            for part in parts(own.map { slots[$0].tokens }) {
                jobs.append((job: .alone(kind), places: part.map { own[$0] }))
            }
            mixed += others.sorted { (slots[$1].tokens, $0) < (slots[$0].tokens, $1) }
        }
        for run in runs(mixed, slots) {
            let kind = slots[run[0]].kind
            let isOfOne = run.allSatisfy { slots[$0].kind == kind }
            jobs.append((job: isOfOne ? .alone(kind) : .mixed, places: run))
        }
        return jobs
    }

    private func parts(_ costs: [Int]) -> [[Int]] { Batching.parts(Array(costs.indices), lengths: costs) }

    /// Slots, those of a task side by side, cut into parts of about as many tokens as ``Batching`` has in one: so few tasks meet.
    private func runs(_ places: [Int], _ slots: [TextBlocks.Slot]) -> [[Int]] {
        let count = parts(places.map { slots[$0].tokens }).count
        let total = places.reduce(0) { $0 + slots[$1].tokens }
        var runs = [[Int]](repeating: [], count: count)
        var before = 0
        for place in places {
            let tokens = slots[place].tokens
            runs[min(count - 1, (2 * before + tokens) * count / max(1, 2 * total))].append(place)
            before += tokens
        }
        return runs.filter { !$0.isEmpty }
    }

    /// The places of the answers to each text that are made of the same tokens.
    private static func readAlike(_ slots: [TextBlocks.Slot]) -> [[Int]] {
        var groups: [[Int]] = []
        var first = 0
        for (place, slot) in slots.enumerated() {
            if place > 0, slots[place - 1].text != slot.text { first = groups.count }
            let alike = groups[first...].firstIndex { slots[$0[0]].isRead(as: slot) }
            if let alike { groups[alike].append(place) } else { groups.append([place]) }
        }
        return groups
    }

    /// The answers to one text in groups that are not too large for a batch, side by side those that do the same.
    private func groups(_ places: [Int], _ slots: [TextBlocks.Slot], _ sharing: LayerSharing) -> [[Int]] {
        let strands = sharing.strands(of: places.map { slots[$0].kind })
        let placeOfKind = Dictionary(places.map { (slots[$0].kind, $0) }, uniquingKeysWith: { first, _ in first })
        let most = max(1, SharedBatches.most / max(1, slots[places[0]].tokens))
        return stride(from: 0, to: strands.count, by: most).map { start in
            strands[start..<min(start + most, strands.count)].joined().compactMap { placeOfKind[$0] }
        }
    }

    // MARK: Computing

    /// The hidden states of a batch that tasks share, for each of them.
    func states(_ way: Way, _ slots: [TextBlocks.Slot]) -> [Share] {
        switch way {
        case .alone(let kind):
            let batch = SharedBatches.pack(slots)
            let (adapters, pass) = tasks[kind]
            let hidden = encoder.forward(batch, adapters: adapters, pass).hidden
            return [Share(kind: kind, hidden: hidden, batch: batch, slots: Array(slots.indices))]
        case .mixed: return mixed(slots)
        case .shared(let kinds):
            guard let sharing else { preconditionFailure("texts with several tasks share layers") }
            let firsts = Array(stride(from: 0, to: slots.count, by: kinds.count))
            let batch = SharedBatches.pack(firsts.map { slots[$0] })
            let states = encoder.hiddenStates(batch, tasks, sharing, chosen: kinds)
            return zip(0..., zip(kinds, states)).map { index, state in
                Share(kind: state.0, hidden: state.1, batch: batch, slots: firsts.map { $0 + index })
            }
        }
    }

    private func mixed(_ slots: [TextBlocks.Slot]) -> [Share] {
        var runs: [(kind: Int, slots: Range<Int>, rows: Range<Int>)] = []
        var row = 0
        for (index, slot) in slots.enumerated() {
            let rows = row..<row + slot.tokens
            row = rows.upperBound
            if let last = runs.last, last.kind == slot.kind {
                runs[runs.count - 1].slots = last.slots.lowerBound..<index + 1
                runs[runs.count - 1].rows = last.rows.lowerBound..<rows.upperBound
            } else {
                runs.append((slot.kind, index..<index + 1, rows))
            }
        }
        let adapters = encoder.mixing(
            runs.map { (rows: $0.rows, adapters: tasks[$0.kind].adapters, pass: tasks[$0.kind].pass) })
        let pass = Pass(parameters: ParameterVector([]))
        let hidden = encoder.forward(SharedBatches.pack(slots), adapters: adapters, pass).hidden
        return runs.map { run in
            Share(
                kind: run.kind, hidden: hidden.rows(run.rows), batch: SharedBatches.pack(Array(slots[run.slots])),
                slots: Array(run.slots))
        }
    }

    private static func pack(_ slots: [TextBlocks.Slot]) -> PackedBatch {
        let texts = slots.flatMap(\.tokenized)
        return Batching.pack(Array(texts.indices), texts)
    }
}

extension TextBlocks.Slot {
    /// Whether the encoder reads the same for another answer.
    fileprivate func isRead(as other: TextBlocks.Slot) -> Bool {
        tokenized.count == other.tokenized.count
            && zip(tokenized, other.tokenized).allSatisfy { $0.ids == $1.ids && $0.segments == $1.segments }
    }
}
