import Encoders
import FineTuning
import Matrices
import Testing

@Suite struct MovingAverageTests {
    private let parameter = Parameter(name: "p", rows: 1, columns: 2)

    private func vector(_ values: [Float]) -> ParameterVector {
        var vector = ParameterVector(ParameterVector.Layout([parameter]))
        vector[parameter] = Matrix(rows: 1, columns: 2, values: values)
        return vector
    }

    @Test func theFirstStepsCountMoreThanTheDecaySays() {
        let start = vector([0, 0])
        var average = MovingAverage(decay: 0.999, of: start)
        var (values, expected) = (start, 0.0)
        for step in 1...20 {
            values[parameter] = Matrix(rows: 1, columns: 2, values: [Float(step), 1])
            average.add(values, after: step)
            let decay = min(0.999, Double(1 + step) / Double(10 + step))
            expected = decay * expected + (1 - decay) * Double(step)
        }
        #expect(abs(Double(average.values[parameter].values[0]) - expected) < 1e-4)
        #expect(average.values[parameter].values[1] > 0.999, "nothing is left of where it started")
    }

    @Test func inTheLongRunItDecaysAsItShould() {
        let values = vector([1, 1])
        var average = MovingAverage(decay: 0.5, of: vector([0, 0]))
        for step in 100..<104 { average.add(values, after: step) }
        #expect(average.values[parameter].values == [0.9375, 0.9375])
    }

    @Test func whatDoesNotMoveKeepsItsBits() {
        let start = vector([0.1, -3e-20])
        var average = MovingAverage(decay: 0.9, of: start)
        for step in 1...50 { average.add(start, after: step) }
        #expect(average.values[parameter] == start[parameter])
    }
}
