import Glibc

/// Ordinary least squares with a constant, by Householder's reflections of the centred columns.
///
/// A column that hangs on those before it (what is left of it is below 10^-7 of its length) gets no share, as in R's
/// `lm`. Source: G. Golub and C. Van Loan, "Matrix Computations", 4th edition, 5.2.
struct LeastSquares: Sendable {
    private let columns: Int
    /// Column after column, `rows` long each, the outcome last.
    private var matrix: [Double]
    private var means: [Double]
    private var lengths: [Double]
    private var coefficients: [Double]

    private static let tolerance = 1e-7

    init(columns: Int, rowsMax: Int) {
        self.columns = columns
        matrix = [Double](repeating: 0, count: rowsMax * (columns + 1))
        means = [Double](repeating: 0, count: columns + 1)
        lengths = [Double](repeating: 0, count: columns + 1)
        coefficients = [Double](repeating: 0, count: columns)
    }

    /// What the fit over `rows` rows says for the predictors `point`. More rows than columns, and not above `rowsMax`.
    mutating func prediction(
        rows: Int, predictor: (_ row: Int, _ column: Int) -> Double, outcome: (_ row: Int) -> Double,
        at point: (_ column: Int) -> Double
    ) -> Double {
        precondition(
            rows > columns && rows * (columns + 1) <= matrix.count, "least squares: \(rows) rows, \(columns) columns")
        for column in 0...columns {
            let start = column * rows
            var sum = 0.0
            for row in 0..<rows {
                let value = column == columns ? outcome(row) : predictor(row, column)
                matrix[start + row] = value
                sum += value
            }
            means[column] = sum / Double(rows)
            var square = 0.0
            for row in 0..<rows {
                matrix[start + row] -= means[column]
                square += matrix[start + row] * matrix[start + row]
            }
            lengths[column] = square.squareRoot()
        }
        reflect(rows: rows)
        var prediction = means[columns]
        for column in 0..<columns { prediction += coefficients[column] * (point(column) - means[column]) }
        return prediction
    }

    /// Turns the matrix into a triangle and solves it.
    private mutating func reflect(rows: Int) {
        let columns = columns
        var pivots: [(column: Int, diagonal: Double)] = []
        matrix.withUnsafeMutableBufferPointer { matrix in
            for column in 0..<columns {
                let step = pivots.count
                let start = column * rows
                var square = 0.0
                for row in step..<rows { square += matrix[start + row] * matrix[start + row] }
                let length = square.squareRoot()
                guard length > lengths[column] * Self.tolerance, length > 0 else { continue }
                let top = matrix[start + step]
                let diagonal = top > 0 ? -length : length
                // The reflection is 1 - v v'/h with v the rest of the column, its top less the diagonal.
                matrix[start + step] = top - diagonal
                let scale = diagonal * (diagonal - top)
                let base = matrix.baseAddress!
                for other in (column + 1)...columns {
                    reflectColumn(base + other * rows + step, by: base + start + step, scale: scale, count: rows - step)
                }
                pivots.append((column, diagonal))
            }
            for column in 0..<columns { coefficients[column] = 0 }
            for step in pivots.indices.reversed() {
                var value = matrix[columns * rows + step]
                for later in pivots[(step + 1)...] {
                    value -= matrix[later.column * rows + step] * coefficients[later.column]
                }
                coefficients[pivots[step].column] = value / pivots[step].diagonal
            }
        }
    }
}

/// `column -= (column . mirror) / scale * mirror`. Four sums side by side, because one alone waits for each addition:
/// nearly the whole time of a fit is spent here.
private func reflectColumn(
    _ column: UnsafeMutablePointer<Double>, by mirror: UnsafeMutablePointer<Double>, scale: Double, count: Int
) {
    var sums = SIMD4<Double>.zero
    var row = 0
    while row + 4 <= count {
        sums +=
            SIMD4(mirror[row], mirror[row + 1], mirror[row + 2], mirror[row + 3])
            * SIMD4(column[row], column[row + 1], column[row + 2], column[row + 3])
        row += 4
    }
    var product = sums.sum()
    while row < count {
        product += mirror[row] * column[row]
        row += 1
    }
    let factor = product / scale
    for row in 0..<count { column[row] -= factor * mirror[row] }
}
