import Files
import Foundation

extension HuggingFaceHub {
    /// One file to fetch.
    struct Request {
        let file: String
        let content: BlobContent
        /// The model at the commit that the file is of.
        let model: ModelReference
    }

    /// Fetches a file's bytes to `url`, going on where an earlier attempt, also one of another process or of Python, left
    /// `<url>.incomplete`; what got its name has the promised length and hash.
    func fetch(_ request: Request, to url: URL, report: (PullEvent) -> Void) throws(ModelHubError) {
        let (name, total) = (request.file, request.content.length)
        let partial = url.appendingPathExtension("incomplete")
        try complete(partial, request, report)
        let found = try ModelHubError.wrapping { () throws(FilesError) in try request.content.hash(ofFileAt: partial) }
        guard found == request.content.hash else {
            try Self.remove(partial)
            throw .wrongHash(file: name, found: found, expected: request.content.hash)
        }
        try ModelHubError.wrapping("rename", partial) {
            // On the disk before it has its name: nobody looks at the hash again.
            let handle = try FileHandle(forWritingTo: partial)
            try handle.synchronize()
            try handle.close()
            // What is there under this name is not these bytes, or it would not be fetched.
            if FileManager.default.fileExists(atPath: url.path) { try FileManager.default.removeItem(at: url) }
            try FileManager.default.moveItem(at: partial, to: url)
        }
        report(.fetched(file: name, bytes: total))
    }

    /// Makes `partial` as long as the file.
    private func complete(_ partial: URL, _ request: Request, _ report: (PullEvent) -> Void) throws(ModelHubError) {
        let (name, total) = (request.file, request.content.length)
        let path = Self.path(of: name, request.model)
        var attempt = 0
        while GrowingFile.length(of: partial) != total || !FileManager.default.fileExists(atPath: partial.path) {
            if GrowingFile.length(of: partial) >= total { try Self.remove(partial) }
            let transfer = try transfer(path, resuming: partial, expecting: total)
            transfer.run { report(.progress(file: name, received: GrowingFile.length(of: partial), total: total)) }
            let outcome = transfer.outcome
            if let refused = outcome.refused { throw .files(refused) }
            let length = GrowingFile.length(of: partial)
            if length > total {
                try Self.remove(partial)
                throw .tooLong(file: name, found: length, expected: total)
            }
            let isBody = outcome.status == 200 || outcome.status == 206
            if isBody && length == total { break }
            let reason: String
            if let failure = outcome.failure {
                reason = failure.reason
                guard attempt < delays.count else {
                    guard isBody else { throw .unreachable(endpoint: endpoint, reason: reason) }
                    throw .truncated(file: name, found: length, expected: total)
                }
            } else if isBody {
                reason = "the answer ended at \(length) of \(total) bytes"
                guard attempt < delays.count else { throw .truncated(file: name, found: length, expected: total) }
            } else {
                // 416: what is there already is not the beginning of this file. Start over.
                if outcome.status == 416 { try Self.remove(partial) }
                guard Self.isPassing(outcome.status) || outcome.status == 416, attempt < delays.count else {
                    throw error(outcome, of: request, at: path)
                }
                reason = "status \(outcome.status)"
            }
            report(.retrying(file: name, reason: reason, seconds: delays[attempt]))
            Thread.sleep(forTimeInterval: delays[attempt])
            attempt += 1
        }
    }

    private func error(_ outcome: HubTransfer.Outcome, of request: Request, at path: String) -> ModelHubError {
        guard outcome.status != 404 else {
            return .missingFile(
                model: "\(request.model.name)", expected: request.file, advice: "yet the Hub lists it; pull again")
        }
        return error(outcome, address: endpoint + path, request.model)
    }

    private static func remove(_ url: URL) throws(ModelHubError) {
        guard FileManager.default.fileExists(atPath: url.path) else { return }
        try ModelHubError.wrapping("remove", url) { try FileManager.default.removeItem(at: url) }
    }
}
