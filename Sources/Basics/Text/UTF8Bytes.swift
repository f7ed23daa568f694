extension String {
    /// Lends the UTF-8 of the text, in one run.
    @inlinable
    package func utf8Bytes<R>(_ body: (UnsafeRawBufferPointer) -> R) -> R {
        var copy = self
        return copy.withUTF8 { body(UnsafeRawBufferPointer($0)) }
    }
}
