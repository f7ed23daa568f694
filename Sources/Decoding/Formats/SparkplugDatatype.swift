extension SparkplugFormat {
    /// Numbers of the specification, section 6.4.16.
    enum Datatype: UInt32 {
        case int8 = 1, int16, int32, int64, uint8, uint16, uint32, uint64, float, double, boolean, string, dateTime
        case text, uuid, dataSet, bytes, file, template, propertySet, propertySetList, int8Array, int16Array
        case int32Array, int64Array, uint8Array, uint16Array, uint32Array, uint64Array, floatArray, doubleArray
        case booleanArray, stringArray, dateTimeArray

        var word: StaticString {
            switch self {
            case .int8: "Int8"
            case .int16: "Int16"
            case .int32: "Int32"
            case .int64: "Int64"
            case .uint8: "UInt8"
            case .uint16: "UInt16"
            case .uint32: "UInt32"
            case .uint64: "UInt64"
            case .float: "Float"
            case .double: "Double"
            case .boolean: "Boolean"
            case .string: "String"
            case .dateTime: "DateTime"
            case .text: "Text"
            case .uuid: "UUID"
            case .dataSet: "DataSet"
            case .bytes: "Bytes"
            case .file: "File"
            case .template: "Template"
            case .propertySet: "PropertySet"
            case .propertySetList: "PropertySetList"
            case .int8Array: "Int8Array"
            case .int16Array: "Int16Array"
            case .int32Array: "Int32Array"
            case .int64Array: "Int64Array"
            case .uint8Array: "UInt8Array"
            case .uint16Array: "UInt16Array"
            case .uint32Array: "UInt32Array"
            case .uint64Array: "UInt64Array"
            case .floatArray: "FloatArray"
            case .doubleArray: "DoubleArray"
            case .booleanArray: "BooleanArray"
            case .stringArray: "StringArray"
            case .dateTimeArray: "DateTimeArray"
            }
        }

        private var signedBits: Int? {
            switch self {
            case .int8: 8
            case .int16: 16
            case .int32: 32
            case .int64: 64
            default: nil
            }
        }

        private var unsignedMax: UInt64 {
            switch self {
            case .uint8: 0xFF
            case .uint16: 0xFFFF
            case .uint32: 0xFFFF_FFFF
            default: .max
            }
        }

        /// The number that the bits of the wire mean; nil where they do not fit.
        ///
        /// The wire knows no sign. A negative Int16 is met as 16, as 32 and as 64 bits of two's complement.
        func whole(_ bits: UInt64) -> (magnitude: UInt64, isNegative: Bool)? {
            guard let width = signedBits else { return bits <= unsignedMax ? (bits, false) : nil }
            let number = Int64(bitPattern: bits << UInt64(64 - width)) >> Int64(64 - width)
            let wide = UInt64(bitPattern: number)
            let isWhole =
                wide == bits || wide & 0xFFFF_FFFF == bits && width <= 32
                || width < 64 && bits >> UInt64(width) == 0
            return isWhole ? (number.magnitude, number < 0) : nil
        }
    }
}
