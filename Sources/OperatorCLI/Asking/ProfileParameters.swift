import ArgumentParser

func checkParameters(_ pairs: [String]) throws {
    for pair in pairs where !pair.contains("=") { throw ValidationError("--param \(pair): expected name=value") }
}
