import Encoders

/// Where the numbers of a run lie: those of all routes and heads end to end in one vector, and the views of it through which a
/// route, a head or a task sees its own under the handles that it knows.
struct RunParameters: Sendable {
    /// All that trains in some stage: routes first, then heads. Of a single task it is the task's own layout.
    let whole: ParameterVector.Layout
    /// The place of each parameter of `whole`.
    let places: [ParameterPlace]
    /// The numbers of each route's adapters.
    let routes: [ParameterVector.Layout]
    /// The numbers of each task's head.
    let heads: [ParameterVector.Layout]
    /// The numbers of each task: its route's, then its head's.
    let tasks: [ParameterVector.Layout]
    /// The task that each parameter is the head of; nil for those of routes.
    let owners: [Int?]
    /// The first of each route's parameters among those of `whole`; they are in a row.
    let firstOfRoutes: [Int]

    /// The route that a parameter of ``whole`` is of; nil for those of heads.
    func route(of index: Int) -> Int? {
        owners[index] == nil ? firstOfRoutes.lastIndex { $0 <= index } : nil
    }

    init(_ routes: [TrainingRoute], _ tasks: [TrainingTask]) {
        typealias Handle = (handle: Parameter, of: Parameter)
        func qualified(_ parameters: [Parameter], by name: String) -> [Handle] {
            parameters.map { parameter in
                guard tasks.count > 1 else { return (parameter, parameter) }
                let global = Parameter(
                    name: "\(name)/\(parameter.name)", rows: parameter.rows, columns: parameter.columns)
                return (parameter, global)
            }
        }
        let ofRoutes = routes.map { qualified($0.adapters.parameters, by: "adapter \($0.name)") }
        let ofHeads = tasks.map { qualified($0.head.parameters, by: $0.name) }
        let whole = ParameterVector.Layout((ofRoutes + ofHeads).joined().map(\.of))
        self.whole = whole
        self.routes = ofRoutes.map { ParameterVector.Layout(viewing: whole, $0) }
        heads = ofHeads.map { ParameterVector.Layout(viewing: whole, $0) }
        self.tasks = zip(tasks, ofHeads).map { task, head in
            ParameterVector.Layout(viewing: whole, ofRoutes[task.route] + head)
        }
        places =
            zip(routes, ofRoutes).flatMap { route, handles in
                let places = route.adapters.places
                return handles.map { handle in
                    guard let place = places[handle.handle] else { preconditionFailure("each parameter has a place") }
                    return ParameterPlace(place)
                }
            } + ofHeads.joined().map { ParameterPlace(ofHead: $0.handle) }
        firstOfRoutes = ofRoutes.indices.map { ofRoutes[..<$0].reduce(0) { $0 + $1.count } }
        owners =
            ofRoutes.joined().map { _ in nil } + ofHeads.enumerated().flatMap { task, head in head.map { _ in task } }
    }
}
