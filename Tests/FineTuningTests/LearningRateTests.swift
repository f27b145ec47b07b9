import FineTuning
import Foundation
import TestSupport
import Testing

@Suite struct LearningRateTests {
    private struct Golden: Decodable {
        let schedules: [Case]
        let warm_restarts: [WarmRestarts]
        struct Case: Decodable {
            let schedule: String
            let steps, warmup_steps, cycles: Int
            let power, floor: Double
            let multipliers: [Double]
        }
        struct WarmRestarts: Decodable {
            let steps, cycles: Int
            let growth: Double
            let multipliers: [Double]
        }
    }

    private static func golden() throws -> Golden {
        try JSONDecoder().decode(Golden.self, from: Data(contentsOf: Fixtures.url("data/schedules.json")))
    }

    @Test func everyStepEqualsTransformers() throws {
        let golden = try LearningRateTests.golden()
        #expect(Set(golden.schedules.map(\.schedule)) == Set(LearningRate.Schedule.allCases.map(\.rawValue)))
        for expected in golden.schedules {
            let schedule = try #require(LearningRate.Schedule(rawValue: expected.schedule))
            let rate = LearningRate(
                schedule, steps: expected.steps, warmupSteps: expected.warmup_steps, cycles: expected.cycles,
                power: expected.power, floor: expected.floor)
            for (step, multiplier) in expected.multipliers.enumerated() {
                #expect(abs(Double(rate.multiplier(at: step)) - multiplier) <= 6e-8, "\(rate), step \(step)")
            }
        }
    }

    @Test func cyclesThatGrowEqualPyTorchsWarmRestarts() throws {
        for expected in try LearningRateTests.golden().warm_restarts {
            let rate = LearningRate(
                .cosineWithRestarts, steps: expected.steps, warmupSteps: 0, cycles: expected.cycles,
                cycleGrowth: expected.growth)
            for (step, multiplier) in expected.multipliers.enumerated() {
                #expect(abs(Double(rate.multiplier(at: step)) - multiplier) <= 6e-8, "\(rate), step \(step)")
            }
        }
    }

    @Test(arguments: LearningRate.Schedule.allCases)
    func noScheduleLeavesWhatIsBetweenItsFloorAndThePeak(schedule: LearningRate.Schedule) {
        let rate = LearningRate(
            schedule, steps: 50, warmupSteps: 4, cycles: 3, cycleGrowth: 1.7, power: 1.5, floor: 0.25)
        let multipliers = (4...50).map(rate.multiplier)
        #expect(multipliers.allSatisfy { (0.25...1).contains($0) } && multipliers[0] == 1)
        #expect(multipliers.last == (schedule == .constant ? 1 : 0.25))
    }

    @Test func takesWholeStepsOfAShare() {
        #expect(LearningRate(.linear, steps: 57, warmup: 0.1).warmupSteps == 5)
        #expect(LearningRate(.linear, steps: 57, warmup: 0).warmupSteps == 0)
        #expect(LearningRate(.cosine, steps: 57, warmup: 1) == LearningRate(.cosine, steps: 57, warmupSteps: 57))
    }
}
