import Files
import Foundation
import Safetensors
import Testing

/// Bytes that are no safetensors file, and what must be said about them.
struct MalformedFile: CustomTestStringConvertible, Sendable {
    let testDescription: String
    let bytes: [UInt8]
    let problem: SafetensorsError.Problem

    init(_ description: String, _ bytes: [UInt8], _ problem: SafetensorsError.Problem) {
        (testDescription, self.bytes, self.problem) = (description, bytes, problem)
    }

    init(_ description: String, _ json: String, data: Int = 0, _ problem: SafetensorsError.Problem) {
        self.init(description, safetensors(json, data: [UInt8](repeating: 0, count: data)), problem)
    }
}

@Suite("A malformed safetensors file")
struct MalformedFileTests {
    private static let lengths: [MalformedFile] = [
        .init("no bytes", [], .noHeaderLength(fileLength: 0)),
        .init("half a length", [2, 0, 0, 0], .noHeaderLength(fileLength: 4)),
        .init(
            "a length beyond the limit", [0x01, 0xE1, 0xF5, 0x05, 0, 0, 0, 0, 0x7B, 0x7D],
            .headerTooLong(length: 100_000_001, limit: 100_000_000)),
        .init(
            "a length beyond any integer", [UInt8](repeating: 0xFF, count: 8) + [0x7B, 0x7D],
            .headerTooLong(length: .max, limit: 100_000_000)),
        .init(
            "a length beyond the file", [3, 0, 0, 0, 0, 0, 0, 0, 0x7B, 0x7D],
            .headerBeyondFile(length: 3, available: 2)),
        .init("a header of no bytes", [UInt8](repeating: 0, count: 8), .malformedJSON(offset: 0, expected: "\"{\"")),
    ]

    private static let lookalikes: [MalformedFile] = [
        .init(
            "a Git LFS pointer", Array("version https://git-lfs.github.com/spec/v1\noid sha256:53aa\nsize 9\n".utf8),
            .somethingElse(.gitLFSPointer)),
        .init("a web page", Array("\n <!DOCTYPE html><html></html>".utf8), .somethingElse(.htmlPage)),
        .init("a web page without a type", Array("<HTML><head></head></HTML>".utf8), .somethingElse(.htmlPage)),
        .init("a zip archive", [0x50, 0x4B, 0x03, 0x04, 0, 0, 8, 8, 0, 0], .somethingElse(.zipArchive)),
    ]

    private static let grammar: [MalformedFile] = [
        .init("not UTF-8", [3, 0, 0, 0, 0, 0, 0, 0, 0x7B, 0xC3, 0x7D], .notUTF8),
        .init("an array", "[]", .malformedJSON(offset: 0, expected: "\"{\"")),
        .init("space before the object", " {}", .malformedJSON(offset: 0, expected: "\"{\"")),
        .init("text after the object", "{} x", .malformedJSON(offset: 3, expected: "the end")),
        .init("a second object", "{}{}", .malformedJSON(offset: 2, expected: "the end")),
        .init("an open object", "{", .malformedJSON(offset: 1, expected: "a string")),
        .init("an open name", "{\"a", .malformedJSON(offset: 3, expected: "the string's end")),
        .init("no colon", "{\"a\" 1}", .malformedJSON(offset: 5, expected: "\":\"")),
        .init("a comma too many", "{\"__metadata__\":{},}", .malformedJSON(offset: 19, expected: "a string")),
        .init(
            "a comma too few", "{\"__metadata__\":{}\"a\":{}}",
            .malformedJSON(offset: 18, expected: "\",\" or \"}\"")),
        .init("a tensor that is no object", "{\"a\":1}", .malformedJSON(offset: 5, expected: "\"{\"")),
        .init(
            "metadata that is no object", "{\"__metadata__\":null}", .malformedJSON(offset: 16, expected: "\"{\"")),
        .init(
            "metadata that is no text", "{\"__metadata__\":{\"a\":1}}",
            .malformedJSON(offset: 21, expected: "a string")),
        .init(
            "a control character in a name", "{\"a\u{1}\":{}}",
            .malformedJSON(offset: 3, expected: "an escaped control character")),
        .init("an escape of its own", "{\"\\x\":{}}", .malformedJSON(offset: 2, expected: "an escape that JSON has")),
        .init(
            "an escape cut short", "{\"\\u12\":{}}",
            .malformedJSON(offset: 2, expected: "four hexadecimal digits")),
        .init("half a pair", "{\"\\ud83d\":{}}", .malformedJSON(offset: 2, expected: "a whole surrogate pair")),
        .init(
            "half a pair and a letter", "{\"\\ud83d\\u0041\":{}}",
            .malformedJSON(offset: 2, expected: "a whole surrogate pair")),
        .init(
            "a negative extent", "{\"a\":{\"dtype\":\"U8\",\"shape\":[-1],\"data_offsets\":[0,0]}}",
            .malformedJSON(offset: 28, expected: "a non-negative integer")),
        .init(
            "a fraction", "{\"a\":{\"dtype\":\"U8\",\"shape\":[1.0],\"data_offsets\":[0,1]}}", data: 1,
            .malformedJSON(offset: 28, expected: "a non-negative integer")),
        .init(
            "an exponent", "{\"a\":{\"dtype\":\"U8\",\"shape\":[1e0],\"data_offsets\":[0,1]}}", data: 1,
            .malformedJSON(offset: 28, expected: "a non-negative integer")),
        .init(
            "a leading zero", "{\"a\":{\"dtype\":\"U8\",\"shape\":[01],\"data_offsets\":[0,1]}}", data: 1,
            .malformedJSON(offset: 28, expected: "a non-negative integer")),
        .init(
            "an extent of 2^63", "{\"a\":{\"dtype\":\"U8\",\"shape\":[9223372036854775808],\"data_offsets\":[0,0]}}",
            .malformedJSON(offset: 28, expected: "an integer below 2^63")),
        .init(
            "a shape that is text", "{\"a\":{\"dtype\":\"U8\",\"shape\":\"1\",\"data_offsets\":[0,1]}}", data: 1,
            .malformedJSON(offset: 27, expected: "\"[\"")),
    ]

    private static let fields: [MalformedFile] = [
        .init(
            "a name twice",
            "{\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]},"
                + "\"\\u0061\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[1,2]}}", data: 2,
            .duplicateName("a")),
        .init("metadata twice", "{\"__metadata__\":{},\"__metadata__\":{}}", .duplicateName("__metadata__")),
        .init("a metadata entry twice", "{\"__metadata__\":{\"k\":\"1\",\"k\":\"1\"}}", .duplicateName("k")),
        .init(
            "a field twice", "{\"a\":{\"dtype\":\"U8\",\"dtype\":\"U8\",\"shape\":[],\"data_offsets\":[0,1]}}", data: 1,
            .duplicateName("dtype")),
        .init("no fields", "{\"a\":{}}", .missingField(tensor: "a", field: "dtype")),
        .init(
            "no shape", "{\"a\":{\"dtype\":\"U8\",\"data_offsets\":[0,1]}}", data: 1,
            .missingField(tensor: "a", field: "shape")),
        .init(
            "no offsets", "{\"a\":{\"dtype\":\"U8\",\"shape\":[]}}", data: 1,
            .missingField(tensor: "a", field: "data_offsets")),
        .init(
            "one offset", "{\"a\":{\"dtype\":\"U8\",\"shape\":[],\"data_offsets\":[1]}}", data: 1,
            .missingField(tensor: "a", field: "data_offsets")),
        .init(
            "an unknown field", "{\"a\":{\"dtype\":\"U8\",\"strides\":[1],\"shape\":[],\"data_offsets\":[0,1]}}",
            data: 1,
            .unknownField(tensor: "a", field: "strides")),
        .init(
            "an 8-bit float", "{\"a\":{\"dtype\":\"F8_E4M3\",\"shape\":[],\"data_offsets\":[0,1]}}", data: 1,
            .unsupportedElementType(tensor: "a", type: "F8_E4M3")),
        .init(
            "a type in lower case", "{\"a\":{\"dtype\":\"f32\",\"shape\":[],\"data_offsets\":[0,4]}}", data: 4,
            .unsupportedElementType(tensor: "a", type: "f32")),
    ]

    private static let offsets: [MalformedFile] = [
        .init(
            "a shape whose size overflows",
            "{\"a\":{\"dtype\":\"F32\",\"shape\":[4294967296,4294967296],\"data_offsets\":[0,0]}}",
            .shapeTooLarge(tensor: "a", shape: [4_294_967_296, 4_294_967_296])),
        .init(
            "a shape whose bytes alone overflow",
            "{\"a\":{\"dtype\":\"F32\",\"shape\":[4611686018427387904],\"data_offsets\":[0,0]}}",
            .shapeTooLarge(tensor: "a", shape: [4_611_686_018_427_387_904])),
        .init(
            "offsets the wrong way round", "{\"a\":{\"dtype\":\"U8\",\"shape\":[],\"data_offsets\":[1,0]}}", data: 1,
            .reversedOffsets(tensor: "a", begin: 1, end: 0)),
        .init(
            "fewer bytes than the shape takes", "{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,4]}}",
            data: 4, .wrongLength(tensor: "a", found: 4, expected: 8, shape: [2], type: .float32)),
        .init(
            "more bytes than the shape takes", "{\"a\":{\"dtype\":\"BF16\",\"shape\":[],\"data_offsets\":[0,4]}}",
            data: 4, .wrongLength(tensor: "a", found: 4, expected: 2, shape: [], type: .bfloat16)),
        .init(
            "a gap before the first tensor", "{\"a\":{\"dtype\":\"U8\",\"shape\":[],\"data_offsets\":[1,2]}}", data: 2,
            .gap(tensor: "a", begin: 1, expected: 0)),
        .init(
            "a gap between tensors",
            "{\"a\":{\"dtype\":\"U8\",\"shape\":[],\"data_offsets\":[0,1]},"
                + "\"b\":{\"dtype\":\"U8\",\"shape\":[],\"data_offsets\":[2,3]}}", data: 3,
            .gap(tensor: "b", begin: 2, expected: 1)),
        .init(
            "tensors that overlap",
            "{\"a\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[0,2]},"
                + "\"b\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[1,3]}}", data: 3,
            .overlap(tensor: "b", begin: 1, expected: 2)),
        .init(
            "two tensors on the same bytes",
            "{\"b\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[0,2]},"
                + "\"a\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[0,2]}}", data: 2,
            .overlap(tensor: "b", begin: 0, expected: 2)),
        .init(
            "data cut short", "{\"a\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[0,2]}}", data: 1,
            .truncated(found: 1, expected: 2)),
        .init(
            "bytes behind the last tensor", "{\"a\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[0,2]}}", data: 3,
            .trailingBytes(found: 3, expected: 2)),
        .init("bytes behind no tensor", "{}", data: 1, .trailingBytes(found: 1, expected: 0)),
    ]

    @Test("is refused by what is wrong with it", arguments: lengths + lookalikes + grammar + fields + offsets)
    func refused(file: MalformedFile) throws {
        let folder = try TemporaryFolder()
        let url = try folder.file(file.bytes)
        let error = #expect(throws: SafetensorsError.self) { try SafetensorsFile(contentsOf: url) }
        #expect(error?.problem == file.problem)
        #expect(error?.path == url.path)
        #expect(error?.description.hasPrefix("\(url.path): ") == true)
        #expect(error?.description.contains("\n") == false)
    }

    @Test("is what every beginning of a good file is")
    func truncation() throws {
        let whole = [UInt8](try Data(contentsOf: fixture("every-type.safetensors")))
        let folder = try TemporaryFolder()
        for count in 0..<whole.count {
            let url = try folder.file(Array(whole[..<count]))
            #expect(throws: SafetensorsError.self, "the first \(count) bytes") { try SafetensorsFile(contentsOf: url) }
        }
        _ = try SafetensorsFile(contentsOf: try folder.file(whole))
    }

    @Test("never crashes the reader, whatever byte of its header is changed")
    func mutation() throws {
        let whole = [UInt8](try Data(contentsOf: fixture("names-and-shapes.safetensors")))
        let folder = try TemporaryFolder()
        var generator = SeededGenerator(state: 2)
        var refused = 0
        for _ in 0..<4000 {
            var bytes = whole
            for _ in 0...Int.random(in: 0..<3, using: &generator) {
                bytes[Int.random(in: 0..<1200, using: &generator)] = UInt8.random(in: 0...255, using: &generator)
            }
            let url = try folder.file(bytes)
            do {
                let file = try SafetensorsFile(contentsOf: url)
                for name in file.names { try file.tensor(named: name).withBytes { #expect($0.count >= 0) } }
            } catch { refused += 1 }
        }
        #expect(refused > 2000)
    }

    @Test("that is missing is refused with the system's reason")
    func missing() throws {
        let folder = try TemporaryFolder()
        let error = #expect(throws: SafetensorsError.self) { try SafetensorsFile(contentsOf: folder["none"]) }
        #expect(error?.description == "could not open \(folder["none"].path): No such file or directory")
    }
}
