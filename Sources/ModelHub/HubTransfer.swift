import Files
import Foundation
import Synchronization

#if canImport(FoundationNetworking)
    import FoundationNetworking
#endif

/// One request and its answer: a small body into memory, or a file's into the file, from where it left off.
final class HubTransfer: NSObject, URLSessionDataDelegate, Sendable {
    /// What came of it.
    struct Outcome: Sendable {
        /// The status of the last answer, zero if none came.
        var status = 0
        /// What the Hub calls the reason of a refusal: `GatedRepo`, `RepoNotFound`, `RevisionNotFound`, `EntryNotFound`.
        var errorCode: String?
        /// The Hub's words for it.
        var errorMessage: String?
        /// The body, if it did not go to a file.
        var body = Data()
        /// Why the connection failed.
        var failure: Failure?
        /// Why the file could not be written.
        var refused: FilesError?
    }

    /// A connection that failed.
    struct Failure: Sendable {
        let reason: String
        /// Whether it may well work a little later.
        let isPassing: Bool
    }

    private struct State: Sendable {
        var outcome = Outcome()
        var file: GrowingFile?
        var length = 0
    }

    /// More than any listing has; an endless answer must not fill the memory.
    private static let bodyLimit = 64 << 20

    private let request: URLRequest
    private let partial: URL?
    private let total: Int
    private let state = Mutex(State())
    private let finished = DispatchSemaphore(value: 0)

    /// `partial` is the file to append to, `total` the length that it may reach.
    init(_ request: URLRequest, resuming partial: URL?, expecting total: Int) {
        var request = request
        if let partial, GrowingFile.length(of: partial) > 0 {
            request.setValue("bytes=\(GrowingFile.length(of: partial))-", forHTTPHeaderField: "Range")
        }
        (self.request, self.partial, self.total) = (request, partial, total)
    }

    var outcome: Outcome { state.withLock { $0.outcome } }

    /// Sends the request and waits for the end of the answer, calling `tick` a few times a second on this thread.
    func run(_ tick: () -> Void) {
        let configuration = URLSessionConfiguration.ephemeral
        configuration.timeoutIntervalForRequest = request.timeoutInterval
        let session = URLSession(configuration: configuration, delegate: self, delegateQueue: nil)
        session.dataTask(with: request).resume()
        while finished.wait(timeout: .now() + 0.2) == .timedOut { tick() }
        session.finishTasksAndInvalidate()  // a session keeps its delegate alive until then
    }

    /// Redirects are followed, but the token goes to nobody else than the one it was meant for, and never in the clear.
    func urlSession(
        _ session: URLSession, task: URLSessionTask, willPerformHTTPRedirection response: HTTPURLResponse,
        newRequest: URLRequest, completionHandler: @escaping @Sendable (URLRequest?) -> Void
    ) {
        var next = newRequest
        let (from, to) = (request.url, newRequest.url)
        guard from?.scheme != "https" || to?.scheme == "https" else { return completionHandler(nil) }
        let isSameServer = from?.scheme == to?.scheme && from?.host == to?.host && from?.port == to?.port
        let token = request.value(forHTTPHeaderField: "Authorization")
        next.setValue(isSameServer ? token : nil, forHTTPHeaderField: "Authorization")
        next.setValue(request.value(forHTTPHeaderField: "Range"), forHTTPHeaderField: "Range")
        completionHandler(next)
    }

    func urlSession(
        _ session: URLSession, dataTask: URLSessionDataTask, didReceive response: URLResponse,
        completionHandler: @escaping @Sendable (URLSession.ResponseDisposition) -> Void
    ) {
        let answer = response as? HTTPURLResponse
        state.withLock { state in
            state.outcome.status = answer?.statusCode ?? 0
            state.outcome.errorCode = answer?.value(forHTTPHeaderField: "X-Error-Code")
            state.outcome.errorMessage = answer?.value(forHTTPHeaderField: "X-Error-Message")
            guard let partial, state.outcome.status == 200 || state.outcome.status == 206 else { return }
            let length = GrowingFile.length(of: partial)
            let range = answer?.value(forHTTPHeaderField: "Content-Range")
            if state.outcome.status == 206, range?.hasPrefix("bytes \(length)-") != true {
                state.outcome.status = 416  // not the range that was asked for: as good as none
                return
            }
            // 200: the server sends the whole file, whatever was asked for.
            let isWhole = state.outcome.status == 200
            do throws(FilesError) { state.file = try GrowingFile(at: partial, fromStart: isWhole) } catch {
                state.outcome.refused = error
            }
            state.length = isWhole ? 0 : length
        }
        completionHandler(state.withLock { $0.outcome.refused } == nil ? .allow : .cancel)
    }

    func urlSession(_ session: URLSession, dataTask: URLSessionDataTask, didReceive data: Data) {
        let goesOn = state.withLock { state in
            guard let file = state.file else {
                if partial == nil { state.outcome.body.append(data) }
                return state.outcome.body.count <= Self.bodyLimit
            }
            do throws(FilesError) { try file.append(data) } catch {
                state.outcome.refused = error
                return false
            }
            state.length += data.count
            return state.length <= total
        }
        if !goesOn { dataTask.cancel() }
    }

    func urlSession(_ session: URLSession, task: URLSessionTask, didCompleteWithError error: (any Error)?) {
        state.withLock { state in
            state.file = nil
            if let error {
                let permanent: [URLError.Code] = [
                    .cannotFindHost, .dnsLookupFailed, .cannotConnectToHost, .notConnectedToInternet, .timedOut,
                    .secureConnectionFailed, .serverCertificateUntrusted, .serverCertificateHasBadDate,
                    .serverCertificateNotYetValid, .serverCertificateHasUnknownRoot, .unsupportedURL,
                ]
                let isPassing = (error as? URLError).map { !permanent.contains($0.code) } ?? false
                state.outcome.failure = Failure(reason: error.localizedDescription, isPassing: isPassing)
            }
        }
        finished.signal()
    }
}
