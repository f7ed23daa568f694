/// Which readings of a counter are believed, said plainly: runs of equal readings, of which spikes are taken out one by
/// one until no fall is left that is not the beginning of a new count. The oracle of the law of the increase.
package func believedOfCounter(_ values: [Double]) -> [Bool] {
    struct Run {
        var value: Double
        var places: [Int]
        var isBeginning = false
        /// Nothing is known of what came before it.
        var forgets = false
    }
    var runs: [Run] = []
    for (place, value) in values.enumerated() {
        if runs.last?.value == value {
            runs[runs.count - 1].places.append(place)
        } else {
            runs.append(Run(value: value, places: [place]))
        }
    }
    func goesOn(_ value: Double, _ level: Double) -> Bool { value >= level || value >= level * 0.9 }
    /// Takes a run out; its neighbours become one where they are equal.
    func takeOut(_ place: Int) -> Bool {
        runs.remove(at: place)
        guard place > 0, place < runs.count, runs[place].value == runs[place - 1].value else { return false }
        runs[place - 1].places += runs.remove(at: place).places
        return true
    }
    var place = 1
    while place < runs.count {
        let (level, low) = (runs[place - 1].value, runs[place].value)
        if goesOn(low, level) || runs[place].isBeginning {
            place += 1
            continue
        }
        if place > 1, !runs[place - 1].forgets {
            let former = runs[place - 2].value
            if former > 0, !goesOn(former, level), goesOn(low, former) {
                if takeOut(place - 1) { runs[place - 2].forgets = true }
                place -= 1
                continue
            }
        }
        guard place + 1 < runs.count else {
            runs.removeLast()
            break
        }
        let next = runs[place + 1].value
        if !goesOn(next, level), next > low {
            runs[place].isBeginning = true
        } else {
            _ = takeOut(place)
        }
    }
    var believed = [Bool](repeating: false, count: values.count)
    for run in runs { for place in run.places { believed[place] = true } }
    return believed
}
