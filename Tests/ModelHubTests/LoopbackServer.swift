import Foundation
import Synchronization

#if canImport(Glibc)
    private let streamSocket = Int32(SOCK_STREAM.rawValue)
    private let noSignal = Int32(MSG_NOSIGNAL)
#elseif canImport(Musl)
    private let streamSocket = Int32(SOCK_STREAM)
    private let noSignal = Int32(MSG_NOSIGNAL)
#else
    private let streamSocket = SOCK_STREAM
    private let noSignal: Int32 = 0
#endif

/// A web server of the tests' own, on the loopback interface and a port that was free. One request a connection.
final class LoopbackServer: Sendable {
    struct Request: Sendable {
        let path: String
        /// By names in lower case.
        let headers: [String: String]
    }

    struct Response: Sendable {
        var status = 200
        var headers: [String: String] = [:]
        var body = Data()
        /// After so many bytes of the body the connection is cut, though the header promised all.
        var cutAfter: Int?
        /// So many seconds pass before the first byte.
        var silence = 0.0
        /// What the header promises, if not the body's length.
        var promised: Int?
    }

    let port: UInt16
    private let listener: Int32
    private let seen = Mutex<[Request]>([])

    /// The address, as `HF_ENDPOINT` takes it.
    var address: String { "http://127.0.0.1:\(port)" }
    /// All requests so far.
    var requests: [Request] { seen.withLock { $0 } }

    init(_ answer: @escaping @Sendable (Request) -> Response) throws {
        listener = socket(AF_INET, streamSocket, 0)
        var place = sockaddr_in()
        place.sin_family = sa_family_t(AF_INET)
        place.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let (listener, size) = (listener, length)
        let bound = withUnsafeMutablePointer(to: &place) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(listener, $0, size) == 0 && listen(listener, 16) == 0 && getsockname(listener, $0, &length) == 0
            }
        }
        guard bound else { throw POSIXError(POSIXErrorCode(rawValue: errno) ?? .EIO) }
        port = UInt16(bigEndian: place.sin_port)
        Thread.detachNewThread { [weak self] in
            // Closed by the thread that accepts, and by nobody else: were it closed from outside, the next server's socket
            // could get its number, and this thread would answer in that one's place.
            defer { close(listener) }
            while true {
                let connection = accept(listener, nil, nil)
                guard connection >= 0 else { return }  // the listener was shut down
                #if canImport(Darwin)
                    var on: Int32 = 1
                    setsockopt(connection, SOL_SOCKET, SO_NOSIGPIPE, &on, socklen_t(MemoryLayout<Int32>.size))
                #endif
                var limit = timeval(tv_sec: 10, tv_usec: 0)
                setsockopt(connection, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
                setsockopt(connection, SOL_SOCKET, SO_SNDTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
                if let request = Self.receive(connection) {
                    self?.seen.withLock { $0.append(request) }
                    Self.send(answer(request), to: connection)
                }
                close(connection)
            }
        }
    }

    deinit { shutdown(listener, Int32(SHUT_RDWR)) }

    private static func receive(_ connection: Int32) -> Request? {
        var text = Data()
        var buffer = [UInt8](repeating: 0, count: 4096)
        while text.range(of: Data("\r\n\r\n".utf8)) == nil {
            let count = recv(connection, &buffer, buffer.count, 0)
            guard count > 0 else { return nil }
            text.append(contentsOf: buffer[..<count])
        }
        let lines = String(decoding: text, as: UTF8.self).components(separatedBy: "\r\n")
        let words = lines[0].split(separator: " ")
        guard words.count >= 2 else { return nil }
        var headers: [String: String] = [:]
        for line in lines.dropFirst() {
            guard let colon = line.firstIndex(of: ":") else { continue }
            headers[line[..<colon].lowercased()] =
                line[line.index(after: colon)...].trimmingCharacters(in: .whitespaces)
        }
        return Request(path: String(words[1]), headers: headers)
    }

    private static func send(_ response: Response, to connection: Int32) {
        Thread.sleep(forTimeInterval: response.silence)
        var head = "HTTP/1.1 \(response.status) Answer\r\nConnection: close\r\n"
        head += "Content-Length: \(response.promised ?? response.body.count)\r\n"
        for (name, value) in response.headers { head += "\(name): \(value)\r\n" }
        let bytes = Array(Data((head + "\r\n").utf8) + response.body.prefix(response.cutAfter ?? .max))
        var sent = 0
        while sent < bytes.count {
            let count = bytes[sent...].withUnsafeBytes {
                #if canImport(Glibc)
                    Glibc.send(connection, $0.baseAddress, $0.count, noSignal)
                #elseif canImport(Musl)
                    Musl.send(connection, $0.baseAddress, $0.count, noSignal)
                #else
                    Darwin.send(connection, $0.baseAddress, $0.count, noSignal)
                #endif
            }
            guard count > 0 else { return }
            sent += count
        }
    }
}
