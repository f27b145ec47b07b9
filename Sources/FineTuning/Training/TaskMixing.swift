import Foundation

/// How often the texts of each of several tasks are drawn.
public enum TaskMixing: Sendable, Equatable {
    /// As many texts as it has: an epoch has each text once.
    case proportional
    /// As the share to the power of 1 / T: at 1 proportional, the higher the more even (Arivazhagan et al. 2019).
    case temperature(Double)
    /// As often as the others: small data sets are read several times in an epoch, large ones in part.
    case even

    /// How many of an epoch's draws are of each data set: as many in all as there are examples, shared by the largest
    /// remainders of the exact shares.
    package func quotas(of counts: [Int]) -> [Int] {
        let total = counts.reduce(0, +)
        let weights = counts.map { count in
            switch self {
            case .proportional: Double(count)
            case .temperature(let temperature): pow(Double(count), 1 / temperature)
            case .even: count > 0 ? 1.0 : 0
            }
        }
        let sum = weights.reduce(0, +)
        let shares = weights.map { $0 / sum * Double(total) }
        var quotas = shares.map { Int($0) }
        let byRemainder = shares.indices.sorted {
            (shares[$1] - Double(quotas[$1]), $0) < (shares[$0] - Double(quotas[$0]), $1)
        }
        for index in byRemainder.prefix(total - quotas.reduce(0, +)) { quotas[index] += 1 }
        return quotas
    }
}
