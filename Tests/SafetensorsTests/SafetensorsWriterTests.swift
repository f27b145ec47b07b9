import Files
import Foundation
import Safetensors
import Testing

@Suite("The safetensors writer")
struct SafetensorsWriterTests {
    @Test(
        "writes the reference library's bytes for the tensors of a reference file, in whatever order they are added",
        arguments: [
            "every-type.safetensors", "names-and-shapes.safetensors", "no-tensors.safetensors",
            "no-metadata.safetensors",
        ])
    func reference(name: String) throws {
        let folder = try TemporaryFolder()
        let file = try SafetensorsFile(contentsOf: fixture(name))
        var generator = SeededGenerator(state: 5)
        for _ in 0..<3 {
            var writer = SafetensorsWriter(metadata: file.metadata)
            for name in file.names.shuffled(using: &generator) { writer.add(try file.tensor(named: name)) }
            try writer.write(to: folder["out"])
            #expect(try Data(contentsOf: folder["out"]) == Data(contentsOf: fixture(name)))
        }
    }

    @Test("writes the reference library's bytes for numbers that are given, rounded once")
    func numbers() throws {
        let folder = try TemporaryFolder()
        let floats = SafetensorsFileTests.edges.map { Float($0) }
        let source = try SafetensorsFile(contentsOf: fixture("every-type.safetensors"))
        var writer = SafetensorsWriter()
        writer.add("f32", shape: [29], floats: floats)
        writer.add("f16", shape: [29], floats: floats, as: .float16)
        writer.add("bf16", shape: [28], floats: floats.dropLast(), as: .bfloat16)
        writer.add(try source.tensor(named: "f64"))
        writer.add("i64", shape: [4], integers: [.min, -1, 0, .max])
        writer.add("i32", shape: [2, 2], integers: [-2_147_483_648, -1, 0, 2_147_483_647], as: .int32)
        writer.add("i16", shape: [4], integers: [-32768, -1, 0, 32767], as: .int16)
        writer.add("i8", shape: [4], integers: [-128, -1, 0, 127], as: .int8)
        writer.add("u8", shape: [3], integers: [0, 1, 255], as: .uint8)
        writer.add("bool", shape: [1, 3, 1], integers: [1, 0, 1], as: .bool)
        try writer.write(to: folder["out"])
        #expect(try Data(contentsOf: folder["out"]) == Data(contentsOf: fixture("every-type.safetensors")))
    }

    @Test("converts another file's tensors in one rounding")
    func roundedOnce() throws {
        let folder = try TemporaryFolder()
        let source = try SafetensorsFile(contentsOf: fixture("rounded-once-from.safetensors"))
        var writer = SafetensorsWriter()
        writer.add(try source.tensor(named: "x64"), as: .float16)
        try writer.write(to: folder["out"])
        #expect(try Data(contentsOf: folder["out"]) == Data(contentsOf: fixture("rounded-once-to.safetensors")))
    }

    @Test("writes these very bytes")
    func literal() throws {
        let folder = try TemporaryFolder()
        var writer = SafetensorsWriter(metadata: ["z": "1", "format": "pt", "é": "/\"\n\u{1f}"])
        writer.add("b", shape: [], floats: [1])
        writer.add("a", shape: [2], integers: [1, 2], as: .uint8)
        writer.add("c", shape: [1, 1], integers: [-2])
        try writer.write(to: folder["out"])
        let header =
            #"{"__metadata__":{"format":"pt","z":"1","é":"/\"\n\u001f"},"#
            + #""c":{"dtype":"I64","shape":[1,1],"data_offsets":[0,8]},"#
            + #""b":{"dtype":"F32","shape":[],"data_offsets":[8,12]},"#
            + #""a":{"dtype":"U8","shape":[2],"data_offsets":[12,14]}}"#
        let padding = String(repeating: " ", count: (8 - header.utf8.count % 8) % 8)
        let data: [UInt8] = [0xFE, 255, 255, 255, 255, 255, 255, 255, 0, 0, 0x80, 0x3F, 1, 2]
        #expect(padding.count == 3)
        #expect([UInt8](try Data(contentsOf: folder["out"])) == safetensors(header + padding, data: data))
    }

    @Test("writes what the reader reads back, for random tensors of every type", arguments: 0..<12)
    func roundTrip(seed: UInt64) throws {
        let folder = try TemporaryFolder()
        var generator = SeededGenerator(state: seed)
        var writer = SafetensorsWriter(metadata: seed % 2 == 0 ? [:] : ["format": "pt", "seed": "\(seed)"])
        var floats: [String: [Float]] = [:]
        var integers: [String: [Int]] = [:]
        var shapes: [String: [Int]] = [:]
        for index in 0..<20 {
            guard let type = ElementType.allCases.randomElement(using: &generator) else { continue }
            // Now and then longer than what is converted at a time.
            let shape =
                index == 7
                ? [3, 50_000]
                : (0..<Int.random(in: 0..<4, using: &generator)).map { _ in Int.random(in: 0..<6, using: &generator) }
            let (name, count) = ("t.\(index)", shape.reduce(1, *))
            shapes[name] = shape
            if type.isFloatingPoint {
                // Small integers are exact in every type.
                floats[name] = (0..<count).map { _ in Float(Int.random(in: -128...128, using: &generator)) }
                if let values = floats[name] {
                    if seed % 3 == 0 {
                        writer.add(name, shape: shape, floats: values, as: type)
                    } else {
                        writer.add(name, shape: shape, as: type) { values }
                    }
                }
            } else {
                let range = type == .bool ? 0...1 : type == .uint8 ? 0...255 : -128...127
                integers[name] = (0..<count).map { _ in Int.random(in: range, using: &generator) }
                writer.add(name, shape: shape, integers: integers[name] ?? [], as: type)
            }
        }
        try writer.write(to: folder["out"])
        let file = try SafetensorsFile(contentsOf: folder["out"])
        #expect(Set(file.names) == Set(shapes.keys))
        for (name, values) in floats { #expect(try file.tensor(named: name).floats() == values) }
        for (name, values) in integers { #expect(try file.tensor(named: name).integers() == values) }
        for (name, shape) in shapes { #expect(try file.tensor(named: name).shape == shape) }
        // Every floating-point tensor as every other floating-point type, and back.
        for type in ElementType.allCases where type.isFloatingPoint {
            var converter = SafetensorsWriter(metadata: [:])
            for name in floats.keys { converter.add(try file.tensor(named: name), named: "x.\(name)", as: type) }
            try converter.write(to: folder["converted"])
            let converted = try SafetensorsFile(contentsOf: folder["converted"])
            for (name, values) in floats {
                #expect(try converted.tensor(named: "x.\(name)").elementType == type)
                #expect(try converted.tensor(named: "x.\(name)").floats() == values)
            }
        }
    }

    @Test("may replace the very file whose tensors it writes")
    func inPlace() throws {
        let folder = try TemporaryFolder()
        let url = try folder.file([UInt8](try Data(contentsOf: fixture("every-type.safetensors"))))
        let file = try SafetensorsFile(contentsOf: url)
        var writer = SafetensorsWriter()
        for name in file.names { writer.add(try file.tensor(named: name)) }
        try writer.write(to: url)
        #expect(try Data(contentsOf: url) == Data(contentsOf: fixture("every-type.safetensors")))
    }

    /// The limit on file sizes acts inside `write`, as a full disk does; it belongs to a process, so this test has its own.
    @Test("on a full disk says so and leaves the old file")
    func fullDisk() async {
        await #expect(processExitsWith: .success) {
            let folder = try TemporaryFolder()
            let url = try folder.file([1, 2, 3])
            signal(SIGXFSZ, SIG_IGN)
            var limit = rlimit(rlim_cur: 20_000, rlim_max: 20_000)
            #if canImport(Glibc)
                let outcome = setrlimit(__rlimit_resource_t(RLIMIT_FSIZE.rawValue), &limit)
            #else
                let outcome = setrlimit(RLIMIT_FSIZE, &limit)
            #endif
            #expect(outcome == 0)
            var writer = SafetensorsWriter()
            writer.add("a", shape: [100, 100], floats: [Float](repeating: 1, count: 10_000))
            let error = #expect(throws: SafetensorsError.self) { try writer.write(to: url) }
            guard case .system(let reason)? = error?.problem else {
                Issue.record("expected the system's reason")
                return
            }
            #expect(reason.code == EFBIG)
            #expect(try Data(contentsOf: url) == Data([1, 2, 3]))
            #expect(try FileManager.default.contentsOfDirectory(atPath: folder.url.path) == ["model.safetensors"])
        }
    }
}
