package import Basics
package import Telemetry

/// What a test of rules says: what devices tell from a moment on, and which steps of alerts come of it.
package struct RuleTest: Sendable {
    /// Readings of one series, or words about a device's link, one each `every`.
    package struct Input: Sendable {
        /// By its name.
        package var device: String
        /// Empty where the test says none.
        package var profile: String
        /// nil: words about its link.
        package var quantity: Quantity?
        /// nil for the device as a whole.
        package var channel: String?
        /// From the test's start on; nil where nothing comes. Of a link 1 is online and 0 offline.
        package var values: [Double?]
        /// Between two of them.
        package var every: Duration
    }

    /// A step that is to be taken.
    package struct Expected: Sendable {
        /// Since the test's start.
        package var after: Duration
        /// Its name.
        package var rule: String
        /// Whom it is about: what kind, and its name; empty of the gateway and the broker.
        package var subject: (kind: Subject.Kind, name: String)
        /// nil: of any series of the device.
        package var quantity: Quantity?
        /// nil: of any channel.
        package var channel: String?
        /// The phase that it is in then.
        package var to: AlertPhase
        /// nil: any.
        package var severity: Severity?
        /// The line of the file, from 1.
        package var line: Int
    }

    /// Unlike that of any other test of the file.
    package var name: String
    /// The line of the file, from 1.
    package var line: Int
    /// The moment of the first readings.
    package var start: Timestamp
    /// How long it goes on: at least to the last reading and the last step that is expected.
    package var lasts: Duration
    /// What comes in.
    package var inputs: [Input]
    /// In the order of the file.
    package var expected: [Expected]
    /// Steps of other rules are not looked at; nil: those of all rules are.
    package var only: Set<ByteName>?
}
