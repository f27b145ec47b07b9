import FineTuning
import Testing

@Suite struct LearningRatesTests {
    private func place(_ part: ParameterPlace.Part, _ layer: Int? = nil, isUpper: Bool = false) -> ParameterPlace {
        ParameterPlace(part: part, layer: layer, isUpper: isUpper)
    }

    @Test func everyPartHasItsRateAndWithoutOneThatOfItsLikes() {
        var rates = LearningRates(adapters: 1e-3, layers: 2e-5)
        #expect(
            ParameterPlace.Part.allCases.map { rates[$0] } == [1e-3, 1e-3, 2e-5, 2e-5, 2e-5, 2e-5],
            "adapters, heads, layers, embeddings, norms, biases")
        for (index, part) in ParameterPlace.Part.allCases.enumerated() { rates[part] = Float(index + 1) }
        #expect(ParameterPlace.Part.allCases.map { rates[$0] } == [1, 2, 3, 4, 5, 6])
        #expect(ParameterPlace.Part.allCases.allSatisfy { LearningRates(every: 0.5)[$0] == 0.5 })
    }

    @Test func withoutDecayAndRatioTheRateIsExactlyThatOfThePart() {
        let rates = LearningRates(adapters: 0.3, heads: 0.7)
        for layer in 0..<6 {
            #expect(rates.rate(of: place(.adapters, layer, isUpper: true), layers: 6) == 0.3)
        }
        #expect(rates.rate(of: place(.heads), layers: 6) == 0.7)
    }

    @Test func ratesFallFromTheTopLayerDownToTheEmbeddings() {
        var rates = LearningRates(every: 1)
        rates.layerDecay = 0.5
        #expect((0..<4).map { rates.rate(of: place(.layers, $0), layers: 4) } == [0.125, 0.25, 0.5, 1])
        #expect((0..<4).map { rates.rate(of: place(.adapters, $0), layers: 4) } == [0.125, 0.25, 0.5, 1])
        #expect(rates.rate(of: place(.embeddings), layers: 4) == 0.0625)
        #expect(rates.rate(of: place(.norms), layers: 4) == 0.0625, "the norm of the embeddings")
        #expect(rates.rate(of: place(.norms, 4), layers: 4) == 1, "a norm behind the last layer")
        #expect(rates.rate(of: place(.heads), layers: 4) == 1)
    }

    @Test func whatStartsAtZeroTakesTheHigherRate() {
        var rates = LearningRates(every: 0.5)
        (rates.upperRatio, rates.layerDecay) = (16, 0.5)
        #expect(rates.rate(of: place(.adapters, 2, isUpper: true), layers: 4) == 4)
        #expect(rates.rate(of: place(.adapters, 2), layers: 4) == 0.25)
    }

    @Test func aLineSaysThemAll() {
        #expect(
            LearningRates(adapters: 0.5, heads: 2, layers: 0.25).description
                == "adapters 0.5, heads 2.0, layers 0.25, embeddings 0.25, norms 0.25, biases 0.25, layer decay 1.0, "
                + "ratio of B to A 1.0")
    }
}
