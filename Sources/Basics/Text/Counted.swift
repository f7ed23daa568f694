/// `1 sample`, `2 samples`; `things` where the plural is another word.
package func counted(_ count: some BinaryInteger, _ thing: String, _ things: String? = nil) -> String {
    "\(count) \(count == 1 ? thing : things ?? "\(thing)s")"
}
