import Matrices
import Testing

/// Rows of DeBERTa's tables of relative positions, as transformers 4.57.6 has them.
@Suite struct DisentangledDistancesTests {
    @Test func nearDistancesHaveRowsOfTheirOwnAndFarOnesShareThem() {
        let distances = DisentangledDistances(buckets: 256, maximum: 512)
        #expect(distances.span == 256)
        let rows = [
            -1400: 0, -600: 0, -511: 1, -300: 49, -200: 87, -129: 127, -128: 128, -1: 255, 0: 256, 1: 257, 128: 384,
            129: 385, 200: 425, 300: 463, 511: 511, 600: 511,
        ]
        for (distance, row) in rows { #expect(distances.row(distance) == row, "\(distance)") }
    }

    /// All rows from −1500 to 1500 at once, each with a weight of its own: sums made with `make_log_bucket_position`.
    @Test(
        arguments: [
            (256, 512, 1_655_106_778), (32, 512, 204_309_349), (32, 128, 203_042_441), (64, 512, 411_012_874),
            (4, 12, 22_599_213), (6, 16, 35_496_303), (8, 40, 48_399_528), (256, 1024, 1_657_725_096),
        ])
    func everyRowIsThatOfTransformers(buckets: Int, maximum: Int, expected: Int) {
        let distances = DisentangledDistances(buckets: buckets, maximum: maximum)
        let sum = (-1500...1500).enumerated().reduce(0) { sum, place in
            sum + (place.offset % 97 + 1) * (place.offset % 89 + 1) * distances.row(place.element)
        }
        #expect(sum == expected)
    }

    @Test func withoutBucketsEachDistanceHasARowUpToTheFurthest() {
        let distances = DisentangledDistances(buckets: nil, maximum: 40)
        #expect(distances.span == 40)
        #expect([-1000, -41, -40, -39, 0, 39, 40, 1000].map(distances.row) == [0, 0, 0, 1, 40, 79, 79, 79])
    }
}
