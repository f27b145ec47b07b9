/// Scalars that become other scalars, sorted for binary search.
struct ScalarMapping: Sendable {
    /// The scalars that change, ascending.
    private(set) var scalars: [UInt32] = []
    /// The targets of `scalars[i]` are `flat[starts[i]..<starts[i + 1]]`.
    private var starts: [UInt32] = [0]
    private var flat: [UInt32] = []

    /// Reads the mappings of `UnicodeFacts`.
    init(_ facts: StaticString) {
        var reader = FactReader(facts)
        var position = 0
        while let gap = reader.number() {
            position += gap
            if reader.take(UInt8(ascii: "=")) {
                scalars.append(UInt32(position))
                repeat { flat.append(UInt32(reader.number() ?? 0)) } while reader.take(UInt8(ascii: ","))
                starts.append(UInt32(flat.count))
            } else {
                let count = reader.next(after: UInt8(ascii: ":"))
                let step = reader.next(after: UInt8(ascii: ","))
                let target = reader.next(after: UInt8(ascii: ":"))
                for index in 0..<count {
                    scalars.append(UInt32(position + index * step))
                    flat.append(UInt32(target + index * step))
                    starts.append(UInt32(flat.count))
                }
                position += (count - 1) * step
            }
            position += 1
        }
    }

    func targets(at index: Int) -> ArraySlice<UInt32> {
        flat[Int(starts[index])..<Int(starts[index + 1])]
    }

    /// What a scalar becomes, nil where it stays.
    func targets(of scalar: UInt32) -> ArraySlice<UInt32>? {
        var (low, high) = (0, scalars.count)
        while low < high {
            let middle = (low + high) / 2
            if scalars[middle] < scalar { low = middle + 1 } else { high = middle }
        }
        return low < scalars.count && scalars[low] == scalar ? targets(at: low) : nil
    }
}

/// Reads the hexadecimal numbers of `UnicodeFacts`.
struct FactReader {
    private var position: UnsafePointer<UInt8>
    private let end: UnsafePointer<UInt8>

    init(_ facts: StaticString) {
        position = facts.utf8Start
        end = position + facts.utf8CodeUnitCount
    }

    /// The next number, past any white space; nil at the end.
    mutating func number() -> Int? {
        while position < end, position.pointee <= 0x20 { position += 1 }
        guard position < end else { return nil }
        var value = 0
        while position < end {
            switch position.pointee {
            case UInt8(ascii: "0")...UInt8(ascii: "9"): value = value << 4 | Int(position.pointee & 0x0F)
            case UInt8(ascii: "a")...UInt8(ascii: "f"): value = value << 4 | Int(position.pointee - 0x57)
            default: return value
            }
            position += 1
        }
        return value
    }

    /// Steps over a separator if it comes next.
    mutating func take(_ separator: UInt8) -> Bool {
        guard position < end, position.pointee == separator else { return false }
        position += 1
        return true
    }

    /// The number after a separator that must come next.
    mutating func next(after separator: UInt8) -> Int {
        let isThere = take(separator)
        precondition(isThere, "The Unicode facts are generated; make them again with their script.")
        return number() ?? 0
    }
}
