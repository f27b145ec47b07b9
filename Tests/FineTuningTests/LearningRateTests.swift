import FineTuning
import Foundation
import TestSupport
import Testing

@Suite struct LearningRateTests {
    private struct Golden: Decodable {
        let schedules: [Case]
        struct Case: Decodable {
            let schedule: String
            let steps, warmup_steps: Int
            let multipliers: [Double]
        }
    }

    @Test func everyStepEqualsTransformers() throws {
        let url = Fixtures.url("data/schedules.json")
        let golden = try JSONDecoder().decode(Golden.self, from: Data(contentsOf: url))
        #expect(Set(golden.schedules.map(\.schedule)) == Set(LearningRate.Schedule.allCases.map(\.rawValue)))
        for expected in golden.schedules {
            let schedule = try #require(LearningRate.Schedule(rawValue: expected.schedule))
            let rate = LearningRate(schedule, steps: expected.steps, warmupSteps: expected.warmup_steps)
            for (step, multiplier) in expected.multipliers.enumerated() {
                #expect(
                    abs(Double(rate.multiplier(at: step)) - multiplier) <= 6e-8,
                    "\(expected.schedule), \(expected.steps) steps, \(expected.warmup_steps) of warm-up, step \(step)")
            }
        }
    }

    @Test func takesWholeStepsOfAShare() {
        #expect(LearningRate(.linear, steps: 57, warmup: 0.1).warmupSteps == 5)
        #expect(LearningRate(.linear, steps: 57, warmup: 0).warmupSteps == 0)
        #expect(LearningRate(.cosine, steps: 57, warmup: 1) == LearningRate(.cosine, steps: 57, warmupSteps: 57))
    }
}
