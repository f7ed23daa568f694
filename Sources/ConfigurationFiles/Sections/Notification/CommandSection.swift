import Basics
import Settings

extension GatewayConfiguration.Notifications {
    /// A program that is run for each notice: one of `notification.commands`.
    public struct Command: Sendable {
        /// Its name and the least severity that it tells.
        public var channel: Channel
        /// Absolute path; no shell reads it.
        public var program: String
        /// As the program gets them.
        public var arguments: [String]

        init(_ setting: Setting, _ names: inout ChannelNames, _ mistakes: inout [Mistake]) {
            var reader = SettingReader(setting, &mistakes)
            channel = names.channel(&reader, isGrouped: false, &mistakes)
            program = ""
            if let found = reader.required("program", "the path of a program", &mistakes) {
                program = found.text ?? ""
                if !program.hasPrefix("/") || program.utf8.contains(0) {
                    mistakes.append(
                        found.mistake(
                            "expected the absolute path of a program, such as /usr/local/bin/tell; no shell reads it"))
                }
            }
            arguments = reader.texts("arguments", default: [], &mistakes)
            if arguments.contains(where: { $0.utf8.contains(0) }), let found = setting["arguments"] {
                mistakes.append(found.mistake("expected texts without the byte 0"))
            }
            reader.finish(&mistakes)
        }
    }
}
