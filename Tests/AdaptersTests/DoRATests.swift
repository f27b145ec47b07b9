import Adapters
import Encoders
import Matrices
import Testing
import TestSupport

/// DoRA on one linear map, against its equations in Double.
@Suite struct DoRATests {
    private let inputs = 7, outputs = 5, rank = 2, tokens = 6
    private let weight: Matrix
    private let shift: [Float]
    private let base: FrozenLinear

    init() {
        let weight = DoRATests.random(5, 7, "weight")
        (self.weight, shift) = (weight, DoRATests.random(1, 5, "shift").values)
        base = FrozenLinear(bias: shift, precision: .float32, source: { weight })
    }

    private static func random(_ rows: Int, _ columns: Int, _ name: String) -> Matrix {
        var random = RandomStream(seed: 11, name: name)
        return Matrix(rows: rows, columns: columns, values: (0..<rows * columns).map { _ in random.normal() })
    }

    private func adapter(dropoutRate: Float = 0) -> (DoRA, ParameterVector) {
        let lora = LoRA(
            name: "map", inputs: inputs, outputs: outputs, rank: rank, scale: 1.5, dropoutRate: dropoutRate)
        let dora = DoRA(name: "map", over: lora)
        var values = ParameterVector(dora.parameters)
        for parameter in dora.parameters {
            values[parameter] = DoRATests.random(parameter.rows, parameter.columns, parameter.name)
        }
        return (dora, values)
    }

    /// y of x, of which `dropped` is what dropout leaves.
    private func expected(_ x: Matrix, _ dropped: Matrix, _ dora: DoRA, _ values: ParameterVector) -> [Double] {
        let (a, b, m) = (values[dora.lora.a], values[dora.lora.b], values[dora.magnitude])
        let scale = Double(dora.lora.scale)
        return (0..<x.rows).flatMap { token in
            (0..<outputs).map { row in
                var (square, plain, frozen, change) = (0.0, 0.0, 0.0, 0.0)
                for column in 0..<inputs {
                    let ba = (0..<rank).reduce(0) { $0 + Double(b[row, $1]) * Double(a[$1, column]) }
                    let own = Double(weight[row, column])
                    square += (own + scale * ba) * (own + scale * ba)
                    plain += own * Double(x[token, column])
                    frozen += own * Double(dropped[token, column])
                    change += ba * Double(dropped[token, column])
                }
                let gain = Double(m[0, row]) / square.squareRoot()
                return plain + Double(shift[row]) + (gain - 1) * frozen + gain * scale * change
            }
        }
    }

    @Test func itComputesItsEquation() {
        let (dora, values) = adapter()
        let x = DoRATests.random(tokens, inputs, "x")
        let y = dora.forward(LinearInput(x, for: base), through: base, Pass(parameters: values)).y
        for (found, expected) in zip(y.values, expected(x, x, dora, values)) {
            #expect(abs(Double(found) - expected) < 1e-5 * (1 + abs(expected)))
        }
    }

    @Test func withDropoutTheFrozenPathsChangeSeesTheDroppedInputToo() throws {
        let (dora, values) = adapter(dropoutRate: 0.5)
        let x = DoRATests.random(tokens, inputs, "x")
        let pass = Pass(parameters: values, dropout: DropoutKey(seed: 3, step: 0))
        let y = dora.forward(LinearInput(x, for: base), through: base, pass).y
        var dropped = x
        dropped.drop(try #require(pass.mask(dora.lora.a.name, rate: 0.5)))
        #expect(dropped != x)
        for (found, expected) in zip(y.values, expected(x, dropped, dora, values)) {
            #expect(abs(Double(found) - expected) < 1e-5 * (1 + abs(expected)))
        }
    }

    /// The lengths are constants in the backward, so that differences have to be taken with those of the unchanged values.
    @Test(arguments: [Float(0), 0.4])
    func itsGradientsAreThoseOfFiniteDifferencesWithTheLengthsFixed(dropoutRate: Float) throws {
        let (dora, values) = adapter(dropoutRate: dropoutRate)
        let x = DoRATests.random(tokens, inputs, "x")
        let dy = DoRATests.random(tokens, outputs, "dy")
        let dropout = DropoutKey(seed: 3, step: 0)
        var pass = Pass(parameters: values, dropout: dropout, demand: .parametersAndInput)
        let (_, pullback) = dora.forward(LinearInput(x, for: base), through: base, pass)
        var gradients = values.zeroed()
        var dx = Matrix(rows: tokens, columns: inputs)
        dx.withMutableView {
            var share = InputGradient(into: $0)
            pullback(dy, &gradients, &share)
        }
        pass.demand = .nothing
        let lengths = norms(dora, values)
        func loss(_ x: Matrix, _ values: ParameterVector) -> Double {
            // m times what the lengths have changed by keeps g as if they had not.
            var fixed = values
            let now = norms(dora, values)
            fixed[dora.magnitude] = Matrix(
                rows: 1, columns: outputs,
                values: (0..<outputs).map { values[dora.magnitude][0, $0] * now[$0] / lengths[$0] })
            var own = pass
            own.parameters = fixed
            let y = dora.forward(LinearInput(x, for: base), through: base, own).y
            return zip(y.values, dy.values).reduce(0) { $0 + Double($1.0) * Double($1.1) }
        }
        let step: Float = 1e-2
        for parameter in dora.parameters {
            for index in 0..<parameter.count {
                let (row, column) = (index / parameter.columns, index % parameter.columns)
                var (up, down) = (values, values)
                up[parameter][row, column] += step
                down[parameter][row, column] -= step
                let slope = (loss(x, up) - loss(x, down)) / Double(2 * step)
                let found = Double(gradients[parameter][row, column])
                #expect(abs(found - slope) < 2e-3 * (1 + abs(slope)), "\(parameter.name)[\(index)]")
            }
        }
        for index in 0..<x.count {
            let (row, column) = (index / inputs, index % inputs)
            var (up, down) = (x, x)
            up[row, column] += step
            down[row, column] -= step
            let slope = (loss(up, values) - loss(down, values)) / Double(2 * step)
            #expect(abs(Double(dx[row, column]) - slope) < 2e-3 * (1 + abs(slope)), "x[\(index)]")
        }
    }

    private func norms(_ dora: DoRA, _ values: ParameterVector) -> [Float] {
        var values = values
        dora.setMagnitude(in: &values, on: base)
        return values[dora.magnitude].values
    }

    @Test func aRowWithoutALengthGivesTheBiasAndNothingThatIsNoNumber() {
        let empty = FrozenLinear(
            bias: shift, precision: .float32,
            source: { [outputs, inputs] in
                Matrix(rows: outputs, columns: inputs)
            })
        let dora = adapter().0
        var values = ParameterVector(dora.parameters)
        dora.initialize(&values, on: empty, seed: 0)
        let x = DoRATests.random(tokens, inputs, "x")
        let pass = Pass(parameters: values, demand: .parametersAndInput)
        let (y, pullback) = dora.forward(LinearInput(x, for: empty), through: empty, pass)
        #expect((0..<tokens).allSatisfy { y.row($0) == shift })
        var gradients = values.zeroed()
        var dx = InputGradient.unwanted
        pullback(DoRATests.random(tokens, outputs, "dy"), &gradients, &dx)
        #expect(gradients.values.allSatisfy { $0.isFinite })
    }

    @Test func theLengthsAreThoseOfTheMergedWeight() {
        let (dora, values) = adapter()
        let merged = dora.merged(into: base, values)
        for row in 0..<outputs {
            let length = merged.row(row).reduce(0.0) { $0 + Double($1) * Double($1) }.squareRoot()
            #expect(abs(length - Double(abs(values[dora.magnitude][0, row]))) < 1e-5)
        }
    }
}
