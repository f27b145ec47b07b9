extension TensorView {
    /// Writes the elements in `elements` of a floating-point tensor as float32 to the front of `buffer`.
    ///
    /// `roundingToOdd` is for a second rounding to a 16-bit type afterwards, and matters to F64 alone.
    func convert(
        _ elements: Range<Int>, into buffer: UnsafeMutableBufferPointer<Float>, roundingToOdd: Bool = false
    ) {
        precondition(elements.upperBound <= count && elements.count <= buffer.count, "the elements must fit")
        guard !elements.isEmpty else { return }
        withBytes { bytes in
            let width = elementType.width
            let source = UnsafeRawBufferPointer(
                rebasing: bytes[elements.lowerBound * width..<elements.upperBound * width])
            switch elementType {
            case .float32:
                UnsafeMutableRawBufferPointer(buffer).copyMemory(from: source)
            case .float16:
                each(UInt16.self, of: source, into: buffer) { HalfPrecision.float(half: $0) }
            case .bfloat16:
                each(UInt16.self, of: source, into: buffer) { HalfPrecision.float(bfloat: $0) }
            case .float64 where roundingToOdd:
                each(UInt64.self, of: source, into: buffer) {
                    HalfPrecision.floatRoundedToOdd(Double(bitPattern: $0))
                }
            case .float64:
                each(UInt64.self, of: source, into: buffer) { Float(Double(bitPattern: $0)) }
            case .bool, .uint8, .int8, .int16, .int32, .int64:
                preconditionFailure("only floating-point tensors are converted")
            }
        }
    }

    @inline(__always)
    private func each<Bits: FixedWidthInteger>(
        _: Bits.Type, of source: UnsafeRawBufferPointer, into buffer: UnsafeMutableBufferPointer<Float>,
        _ value: (Bits) -> Float
    ) {
        guard let start = source.baseAddress, let target = buffer.baseAddress else { return }
        let width = MemoryLayout<Bits>.size
        // Unaligned loads: old files pad their header to nothing.
        for index in 0..<source.count / width {
            let bits = start.loadUnaligned(fromByteOffset: index * width, as: Bits.self)
            target[index] = value(Bits(littleEndian: bits))
        }
    }
}
