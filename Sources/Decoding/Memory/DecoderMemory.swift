/// What a decoder knows from earlier messages: values that rules hold, births of Sparkplug, and which readings a device
/// always sends.
struct DecoderMemory {
    var facts: Facts
    var sparkplug = SparkplugMemory()
    var shapes = ShapeWatch()
}
