import Adapters
import Encoders
import Foundation
import Matrices
import Safetensors
import Testing
import TestSupport

/// What every method's folder is, on every family of encoders, and what it cannot be.
@Suite struct MethodFilesBatteryTests {
    typealias Subject = MethodBatteryTests.Subject

    private static let onBERT = MethodBatteryTests.subjectsAndVariants.filter { $0.family == "bert" }

    @Test(arguments: MethodBatteryTests.subjectsAndVariants)
    func whatIsWrittenIsReadAgain(subject: Subject) throws {
        let fixture = try subject.fixture()
        let encoder = try fixture.encoder()
        guard let written = try subject.bundle(encoder) else { return }
        let folder = try TemporaryFolder()
        try written.write(into: folder.url)
        let read = try AdapterBundle(contentsOf: folder.url, for: encoder)
        let batch = fixture.batch
        #expect(read.configuration == said(by: written))
        #expect(
            encoder.states(batch, read.adapters, read.parameters)
                == encoder.states(batch, written.adapters, written.parameters))
        // And again to the same bytes.
        let second = try TemporaryFolder()
        try read.write(into: second.url)
        let files = try files(in: folder.url)
        #expect(try files == self.files(in: second.url) && files.count >= 2)
        for name in files {
            let (first, again) = (
                try Data(contentsOf: folder.appending(name)), try Data(contentsOf: second.appending(name))
            )
            #expect(first == again, "\(name)")
        }
    }

    /// What a folder says of an adapter: that A does not train is nothing that it says.
    private func said(by bundle: AdapterBundle) -> PEFTConfiguration {
        var said = bundle.configuration
        if var method = said.method as? LoRAMethod {
            method.trainsA = true
            said.method = method
        }
        return said
    }

    private func files(in folder: URL) throws -> [String] {
        try FileManager.default.subpathsOfDirectory(atPath: folder.path(percentEncoded: false))
            .filter { $0.contains(".") }.sorted()
    }

    // MARK: Bad files

    /// A folder with a trained adapter.
    private func folder(of subject: Subject) throws -> (TemporaryFolder, TransformerEncoder) {
        let encoder = try subject.fixture().encoder()
        let folder = try TemporaryFolder()
        try #require(try subject.bundle(encoder, baseModel: nil)).write(into: folder.url)
        return (folder, encoder)
    }

    private func refusal(of folder: TemporaryFolder, _ encoder: TransformerEncoder, _ what: String) throws -> String {
        let read = Result { () throws(AdapterError) in try AdapterBundle(contentsOf: folder.url, for: encoder) }
        guard case .failure(let error) = read else {
            Issue.record("\(what) is read without a word")
            return ""
        }
        return "\(error)"
    }

    @Test(arguments: onBERT)
    func anUnknownFieldIsRefusedByName(subject: Subject) throws {
        let (folder, encoder) = try folder(of: subject)
        let name = try #require(try files(in: folder.url).first { $0.hasSuffix("config.json") && !$0.contains("/") })
        let config = folder.appending(name)
        let data = try Data(contentsOf: config)
        let original = try #require(try JSONSerialization.jsonObject(with: data) as? [String: Any])
        let future = ["a_field_of_the_future": "on"]
        var changed = [original.merging(future) { $1 }]
        if let own = original["config"] as? [String: Any] {
            changed.append(original.merging(["config": own.merging(future) { $1 }]) { $1 })
        }
        for fields in changed {
            try JSONSerialization.data(withJSONObject: fields).write(to: config)
            let words = try refusal(of: folder, encoder, "an unknown field")
            #expect(words.contains("a_field_of_the_future") && words.contains(name), "\(words)")
        }
    }

    /// How a tensor can be wrong.
    enum Damage: CaseIterable {
        case missing, misshapen, notFinite, unexpected
    }

    /// Of BitFit a tensor may be missing: a folder says that biases train, and not which.
    @Test(arguments: onBERT, Damage.allCases)
    func aWrongTensorIsRefusedByName(subject: Subject, damage: Damage) throws {
        guard subject.method != "bitfit" || damage != .missing else { return }
        let (folder, encoder) = try folder(of: subject)
        for path in try files(in: folder.url) where path.hasSuffix(".safetensors") {
            let url = folder.appending(path)
            let original = try Data(contentsOf: url)
            let names = try SafetensorsFile(contentsOf: url).names
            #expect(!names.isEmpty)
            for name in names {
                try original.write(to: url)
                let expected = try inflict(damage, on: name, of: url)
                let words = try refusal(of: folder, encoder, "\(damage): \(name)")
                #expect(words.contains("'\(expected)'") && words.contains(url.lastPathComponent), "\(name): \(words)")
                if damage == .unexpected { break }
            }
            try original.write(to: url)
        }
    }

    /// Writes a file again with one tensor damaged, and gives the name that the refusal is to have.
    private func inflict(_ damage: Damage, on name: String, of url: URL) throws -> String {
        let file = try SafetensorsFile(contentsOf: url)
        var writer = SafetensorsWriter(metadata: file.metadata)
        for other in file.names where other != name { writer.add(try file.tensor(named: other)) }
        let tensor = try file.tensor(named: name)
        var values = try tensor.floats()
        switch damage {
        case .missing: break
        case .misshapen:
            let shape = tensor.shape.map { $0 + 1 }
            let count = shape.reduce(1, *)
            writer.add(name, shape: shape, floats: [Float](repeating: 0.1, count: count))
        case .notFinite:
            values[values.count / 2] = .nan
            writer.add(name, shape: tensor.shape, floats: values)
        case .unexpected:
            writer.add(tensor)
            writer.add(name + ".more", shape: [1], floats: [1])
        }
        // The old file is mapped while its tensors are copied.
        let folder = try TemporaryFolder()
        try writer.write(to: folder.appending("new"))
        try Data(contentsOf: folder.appending("new")).write(to: url, options: .atomic)
        return damage == .unexpected ? name + ".more" : name
    }
}
