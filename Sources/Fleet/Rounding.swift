import Glibc

/// A number with at most `digits` decimals, as JSON writes it: no exponent, no trailing zeros.
///
/// For |value| below 2^53 / 10^digits; sensors stay far below.
func rounded(_ value: Double, _ digits: Int) -> String {
    precondition(value.isFinite, "fleet: only finite numbers are published")
    var scale = 1
    for _ in 0..<digits { scale *= 10 }
    let whole = Int((value * Double(scale)).rounded())
    let magnitude = Int(whole.magnitude)
    var text = (whole < 0 ? "-" : "") + String(magnitude / scale)
    var fraction = magnitude % scale
    guard fraction > 0 else { return text }
    var width = digits
    while fraction % 10 == 0 {
        fraction /= 10
        width -= 1
    }
    let decimals = String(fraction)
    text += "." + String(repeating: "0", count: width - decimals.count) + decimals
    return text
}
