import Files
import Foundation
import TestSupport
import Testing

@Suite struct ScratchSpaceTests {
    private func bytes(_ space: ScratchSpace, _ range: Range<Int>) -> [UInt8] { space.withBytes(range) { Array($0) } }

    @Test(arguments: [true, false])
    func givesBackWhatWasWrittenWhereverThatWas(isInMemory: Bool) throws {
        let folder = try TemporaryFolder()
        let place = isInMemory ? ScratchSpace.Place.memory : .file(in: folder.url)
        let space = try ScratchSpace(count: 100_000, in: place)
        #expect(space.place == place && space.count == 100_000)
        try [UInt8](repeating: 7, count: 10).withUnsafeBytes { try space.write($0, at: 99_990) }
        try [1, 2, 3].withUnsafeBytes { try space.write($0, at: 8) }
        #expect(bytes(space, 99_988..<100_000) == [0, 0] + [UInt8](repeating: 7, count: 10))
        #expect(bytes(space, 8..<9) == [1], "little-endian")
        try [UInt8](arrayLiteral: 9).withUnsafeBytes { try space.write($0, at: 8) }
        #expect(bytes(space, 7..<10) == [0, 9, 0], "written again after it was read")
        #expect(bytes(space, 50..<50) == [])
    }

    @Test func aFileHasNoNameThatCouldStayBehind() throws {
        let folder = try TemporaryFolder()
        let space = try ScratchSpace(count: 4096, in: .file(in: folder.url))
        let names = try FileManager.default.contentsOfDirectory(atPath: folder.url.path(percentEncoded: false))
        #expect(names.isEmpty && space.count == 4096)
    }

    @Test func noRoomAtAllIsFine() throws {
        let folder = try TemporaryFolder()
        for place in [ScratchSpace.Place.memory, .file(in: folder.url)] {
            let space = try ScratchSpace(count: 0, in: place)
            try space.write(UnsafeRawBufferPointer(start: nil, count: 0), at: 0)
            #expect(bytes(space, 0..<0) == [])
        }
    }

    @Test func aFolderThatIsNotThereIsAnErrorThatNamesIt() throws {
        let folder = try TemporaryFolder().url.appending(path: "gone")
        let error = #expect(throws: FilesError.self) { try ScratchSpace(count: 8, in: .file(in: folder)) }
        #expect(error?.operation == "open" && error?.code == ENOENT)
        #expect(error?.path.hasPrefix(folder.path(percentEncoded: false)) == true)
    }

    @Test func moreThanADiskEverHasIsAnError() throws {
        let folder = try TemporaryFolder()
        #expect(throws: FilesError.self) { try ScratchSpace(count: .max, in: .file(in: folder.url)) }
        #expect(throws: FilesError.self) { try ScratchSpace(count: .max / 2, in: .memory) }
    }
}
