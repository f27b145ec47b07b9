import Foundation
import Safetensors
import Testing

@Suite("A safetensors file")
struct SafetensorsFileTests {
    /// As in the script that made the fixture.
    static let edges: [Double] = [
        0.0, -0.0, 1.0, -1.5, 1 + 0x1p-11, 1 + 3 * 0x1p-11, 1 + 0x1p-8, 1 + 3 * 0x1p-8, 0x1p-14, 0x1p-14 - 0x1p-25,
        0x1p-24, 0x1p-25, 0x1p-25 * (1 + 0x1p-20), 3 * 0x1p-25, 0x1p-26, 65504.0, 65519.99, 65520.0, 1e38,
        -3.3961775e38, 0x1p-126, 0x1p-133, 0x1p-149, 3.141592653589793, -2.718281828459045, 1.0 / 3, .infinity,
        -.infinity, .nan,
    ]

    @Test("by the reference library gives every type's names, shapes and numbers")
    func everyType() throws {
        let file = try SafetensorsFile(contentsOf: fixture("every-type.safetensors"))
        #expect(file.names == ["i64", "f64", "f32", "i32", "bf16", "f16", "i16", "i8", "u8", "bool"])
        #expect(file.metadata == ["format": "pt"])
        let expected: [String: (ElementType, [Int])] = [
            "i64": (.int64, [4]), "f64": (.float64, [29]), "f32": (.float32, [29]), "i32": (.int32, [2, 2]),
            "bf16": (.bfloat16, [28]), "f16": (.float16, [29]), "i16": (.int16, [4]), "i8": (.int8, [4]),
            "u8": (.uint8, [3]), "bool": (.bool, [1, 3, 1]),
        ]
        for name in file.names {
            let tensor = try file.tensor(named: name)
            #expect(tensor.elementType == expected[name]?.0)
            #expect(tensor.shape == expected[name]?.1)
            #expect(tensor.count == tensor.shape.reduce(1, *))
            #expect(tensor.withBytes { $0.count } == tensor.byteCount)
        }
        #expect(try file.tensor(named: "i64").integers() == [.min, -1, 0, .max])
        #expect(try file.tensor(named: "i32").integers() == [-2_147_483_648, -1, 0, 2_147_483_647])
        #expect(try file.tensor(named: "i16").integers() == [-32768, -1, 0, 32767])
        #expect(try file.tensor(named: "i8").integers() == [-128, -1, 0, 127])
        #expect(try file.tensor(named: "u8").integers() == [0, 1, 255])
        #expect(try file.tensor(named: "bool").integers() == [1, 0, 1])
        let floats = Self.edges.map { Float($0) }
        for name in ["f32", "f64"] {
            #expect(try bits(file.tensor(named: name).floats()) == bits(floats))
        }
        // PyTorch's own conversions, read back.
        let halves = floats.map { HalfPrecision.float(half: HalfPrecision.half($0)) }
        #expect(try bits(file.tensor(named: "f16").floats()) == bits(halves))
        let bfloats = floats.dropLast().map { HalfPrecision.float(bfloat: HalfPrecision.bfloat($0)) }
        #expect(try bits(file.tensor(named: "bf16").floats()) == bits(bfloats))
    }

    @Test("by the reference library gives odd names, empty tensors and single numbers")
    func namesAndShapes() throws {
        let file = try SafetensorsFile(contentsOf: fixture("names-and-shapes.safetensors"))
        let names = [
            "a", "B", "b.weight", "a.b", "é", "日本", "😀", "\u{FFFD}", "quo\"te", "back\\slash", "tab\t",
            "\n\r\u{8}\u{c}", "\u{1}\u{1f}\u{7f}", "\u{2028}", "sla/sh", "",
        ]
        for (index, name) in names.enumerated() {
            let tensor = try file.tensor(named: name)
            #expect(tensor.shape == [index % 3, 2])
            #expect(try tensor.floats() == [Float](repeating: Float(index), count: index % 3 * 2))
        }
        #expect(file.names.count == names.count + 4)
        #expect(try file.tensor(named: "scalar").shape == [])
        #expect(try file.tensor(named: "scalar").floats() == [7.5])
        #expect(try file.tensor(named: "no rows").integers() == [])
        #expect(try file.tensor(named: "no columns").floats() == [])
        #expect(file.metadata == ["ke\"y": "va\\lue \"é\" \n \u{2} 日本 😀"])
    }

    @Test("may lack tensors, metadata and padding, and may write its header in any JSON")
    func otherWriters() throws {
        #expect(try SafetensorsFile(contentsOf: fixture("no-tensors.safetensors")).names == [])
        let plain = try SafetensorsFile(contentsOf: fixture("no-metadata.safetensors"))
        #expect(plain.metadata == [:])
        #expect(try plain.tensor(named: "weight").floats() == [0, 1, 2, 3, 4, 5])
        let folder = try TemporaryFolder()
        let url = try folder.file(
            safetensors(
                "{ \"b\\u00e9\\ud83d\\ude00\\/\" :\n{\"data_offsets\" : [ 1 , 9 ],\t\"shape\":[2],\"dtype\":\"F32\"},"
                    + "\r\"a\":{\"shape\":[],\"dtype\":\"U8\",\"data_offsets\":[0,1]}, \"__metadata__\":{}}\n",
                data: [5, 0, 0, 0x80, 0x3F, 0, 0, 0, 0xC0]))
        let file = try SafetensorsFile(contentsOf: url)
        #expect(file.names == ["a", "bé😀/"])
        #expect(try file.tensor(named: "a").integers() == [5])
        #expect(try file.tensor(named: "bé😀/").floats() == [1, -2])
    }

    @Test("gives the rows that are asked for")
    func rows() throws {
        let file = try SafetensorsFile(contentsOf: fixture("no-metadata.safetensors"))
        let weight = try file.tensor(named: "weight")
        #expect(try weight.rows(0..<2) == [0, 1, 2, 3, 4, 5])
        #expect(try weight.rows(1..<2) == [3, 4, 5])
        #expect(try weight.rows(1..<1) == [])
        var row = [Float](repeating: 9, count: 3)
        try row.withUnsafeMutableBufferPointer { try weight.rows(0..<1, into: $0) }
        #expect(row == [0, 1, 2])
        let types = try SafetensorsFile(contentsOf: fixture("every-type.safetensors"))
        let flat = #expect(throws: SafetensorsError.self) { try types.tensor(named: "f32").rows(0..<1) }
        #expect(flat?.problem == .notTwoDimensional(tensor: "f32", shape: [29]))
    }

    @Test("refuses the wrong kind of number, and a wrong name with the nearest one")
    func wrongAsked() throws {
        let file = try SafetensorsFile(contentsOf: fixture("every-type.safetensors"))
        let integer = #expect(throws: SafetensorsError.self) { try file.tensor(named: "i64").floats() }
        #expect(
            integer?.problem
                == .wrongElementType(tensor: "i64", found: .int64, expected: "floating point (F64, F32, F16, BF16)"))
        let float = #expect(throws: SafetensorsError.self) { try file.tensor(named: "bf16").integers() }
        #expect(
            float?.problem
                == .wrongElementType(
                    tensor: "bf16", found: .bfloat16, expected: "an integer type (I64, I32, I16, I8, U8, BOOL)"))
        let misspelt = #expect(throws: SafetensorsError.self) { try file.tensor(named: "boool") }
        #expect(misspelt?.problem == .noSuchTensor("boool", nearest: "bool"))
        let strange = #expect(throws: SafetensorsError.self) { try file.tensor(named: "embeddings.word") }
        #expect(strange?.problem == .noSuchTensor("embeddings.word", nearest: nil))
        #expect(file["f32"] != nil && file["g32"] == nil)
    }

    @Test("keeps its numbers readable after its pages were dropped and its own value is gone")
    func lifetime() throws {
        func view() throws -> TensorView {
            let file = try SafetensorsFile(contentsOf: fixture("no-metadata.safetensors"))
            file.adviseNotNeeded()
            return try file.tensor(named: "weight")
        }
        let weight = try view()
        weight.adviseNotNeeded()
        #expect(try weight.floats() == [0, 1, 2, 3, 4, 5])
    }

    /// NaN differs from itself, and zeros of either sign are equal: only bits tell.
    private func bits(_ values: [Float]) -> [UInt32] {
        values.map { $0.isNaN ? 0x7FC0_0000 : $0.bitPattern }
    }
}
