#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// The functions of the C library by names that do not collide with our own.
enum Logarithm {
    static func natural(_ value: Double) -> Double { log(value) }
    static func decimal(_ value: Double) -> Double { log10(value) }
    static func exponential(_ value: Double) -> Double { exp(value) }
    static func power(_ base: Double, _ exponent: Double) -> Double { pow(base, exponent) }
}
