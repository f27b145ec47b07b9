import Encoders
import Foundation

/// The tiny BERT of the fixtures: 3 layers, 32 wide, 4 heads.
public enum TinyEncoder {
    /// Its model folder.
    public static let folder = Fixtures.url("encoder/tiny-bert")

    /// The linear maps of a layer.
    public static let projections: [Projection] = [.query, .key, .value, .attentionOutput, .intermediate, .output]

    /// Read anew.
    public static func load() throws -> TransformerEncoder { try TransformerEncoder(contentsOf: folder) }
}
