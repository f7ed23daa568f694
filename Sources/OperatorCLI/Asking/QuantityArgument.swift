import Basics
import Contract
import Telemetry

/// The quantity, when it is one; a slip gets the nearest word.
func checked(_ quantity: String?) throws -> String? {
    guard let quantity, Quantity(named: quantity) == nil else { return quantity }
    let hint = nearest(to: quantity, in: Quantity.all.map(\.name)).map { "; did you mean '\($0)'?" } ?? ""
    throw NoAnswer.wrongQuestion("'\(quantity)' is not a quantity\(hint)")
}
