import Basics
import Settings

/// Section `api`.
extension GatewayConfiguration {
    /// The group that an installation makes.
    static let usualOperators = "baotu-operators"

    /// The path of the socket, and the group whose members may give orders.
    static func api(_ setting: Setting, _ located: (String) -> String, _ mistakes: inout [Mistake]) -> (
        socket: String, operators: String
    ) {
        var reader = SettingReader(setting, &mistakes)
        let path = located(reader.text("socket", default: "/run/baotu/baotu.sock", &mistakes))
        let found = setting["socket"] ?? setting
        if path.utf8.count > 100 {
            mistakes.append(found.mistake("expected a path of at most 100 bytes: a limit of Unix sockets"))
        } else if SettingFiles.exists(path), !SettingFiles.isSocket(path) {
            let what = SettingFiles.isDirectory(path) ? "folder" : "file"
            mistakes.append(
                found.mistake("expected the path of a socket; a \(what) stands there, which the gateway leaves alone"))
        }
        let operators = reader.text("operators", default: usualOperators, &mistakes)
        // As useradd(8) has names; NSS takes others too, but no line of /etc/group could hold these.
        if operators.isEmpty || operators.utf8.count > 128
            || operators.utf8.contains(where: { $0 <= 0x20 || $0 == 0x3A })
        {
            mistakes.append((setting["operators"] ?? setting).mistake("expected the name of one group of the system"))
        }
        reader.finish(&mistakes)
        return (path, operators)
    }
}
