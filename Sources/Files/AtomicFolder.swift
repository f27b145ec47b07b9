#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif
#if canImport(Darwin)
    import Darwin
#elseif canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// A folder of files that appears under its name whole or not at all.
///
/// The files are written into `draft`, a temporary folder beside the destination; `publish` syncs them and puts the
/// draft in the old folder's place, by one exchange where the file system can do that, else by two renames with the old
/// folder kept beside until the new one stands. Without a `publish` the draft is removed when this object goes, and the
/// old folder is as it was.
package final class AtomicFolder {
    /// Where to write the files of the new folder.
    package let draft: URL
    private let destination: URL
    private let byExchange: Bool
    private var published = false

    /// Begins a new folder that will replace the one at `url`, if there is one; missing parents are made.
    ///
    /// An existing folder is only ever replaced if it is empty or holds a file named `marker`: replacing removes what
    /// else is in it, and a mistyped `--output` must not cost somebody their documents. `strangers` are names that only
    /// folders of another kind hold.
    /// `byExchange: false` takes the way of file systems that cannot exchange two folders.
    package init(
        replacing url: URL, markedBy marker: String, lacking strangers: [String] = [], byExchange: Bool = true
    ) throws(FilesError) {
        try AtomicFolder.check(url, markedBy: marker, lacking: strangers)
        self.byExchange = byExchange
        destination = url.resolvingSymlinksInPath()
        draft = URL(fileURLWithPath: temporarySibling(of: destination.path), isDirectory: true)
        let path = destination.path
        let parent = destination.deletingLastPathComponent()
        try FilesError.catching("create", parent.path) {
            try FileManager.default.createDirectory(at: parent, withIntermediateDirectories: true)
        }
        guard mkdir(draft.path, 0o777) == 0 else { throw FilesError("create", path) }
    }

    /// Throws what `init` would throw for a folder that must not be replaced: to say so before the work, not after it.
    package static func check(
        _ url: URL, markedBy marker: String, lacking strangers: [String] = []
    ) throws(FilesError) {
        let path = url.resolvingSymlinksInPath().path
        var status = stat()
        if stat(path, &status) == 0 {
            guard status.st_mode & S_IFMT == S_IFDIR else {
                throw FilesError("replace", path, code: ENOTDIR, advice: "choose a folder, or remove this file first")
            }
            let content = try FilesError.catching("read", path) {
                try FileManager.default.contentsOfDirectory(atPath: path)
            }
            guard content.isEmpty || content.contains(marker) else {
                throw FilesError(
                    "replace", path, code: ENOTEMPTY,
                    advice: "it holds no \(marker), so it is not replaced; choose another folder")
            }
            if let stranger = strangers.first(where: content.contains) {
                throw FilesError(
                    "replace", path, code: ENOTEMPTY,
                    advice: "it holds \(stranger), so it is a folder of another kind; choose another folder")
            }
        }
    }

    deinit {
        if !published { remove(draft) }
    }

    /// Puts the draft in the destination's place, and removes what was there.
    package func publish() throws(FilesError) {
        precondition(!published, "a folder is published once")
        let names = try FilesError.catching("read", draft.path) {
            try FileManager.default.subpathsOfDirectory(atPath: draft.path)
        }
        for name in names { try synchronize(draft.appendingPathComponent(name).path) }
        try synchronize(draft.path)
        let (new, old) = (draft.path, destination.path)
        if rename(new, old) == 0 {  // nothing there before, or an empty folder
            published = true
        } else if errno != ENOTEMPTY && errno != EEXIST {
            throw FilesError("create", old)
        } else if byExchange && exchange(new, old) {
            published = true
            remove(draft)  // the old folder, under the draft's name now
        } else {
            let aside = temporarySibling(of: old)
            guard rename(old, aside) == 0 else { throw FilesError("replace", old) }
            guard rename(new, old) == 0 else {
                let failure = FilesError("replace", old)
                rename(aside, old)
                throw failure
            }
            published = true
            remove(URL(fileURLWithPath: aside))
        }
        try synchronize(destination.deletingLastPathComponent().path)
    }

    private func exchange(_ a: String, _ b: String) -> Bool {
        #if canImport(Darwin)
            return renamex_np(a, b, UInt32(RENAME_SWAP)) == 0
        #elseif canImport(Glibc)
            // glibc has had renameat2 since 2.28, but shows it to C alone.
            guard let symbol = dlsym(nil, "renameat2") else { return false }
            typealias Rename =
                @convention(c) (Int32, UnsafePointer<CChar>, Int32, UnsafePointer<CChar>, UInt32) -> Int32
            return unsafeBitCast(symbol, to: Rename.self)(AT_FDCWD, a, AT_FDCWD, b, 2) == 0  // 2 = RENAME_EXCHANGE
        #else
            return false
        #endif
    }

    /// What is left behind if this fails is a hidden draft or an old copy; neither is worth failing a finished save for.
    private func remove(_ folder: URL) {
        do { try FileManager.default.removeItem(at: folder) } catch {}
    }
}
