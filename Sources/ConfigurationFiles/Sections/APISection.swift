import Basics
import Settings

/// Section `api`.
extension GatewayConfiguration {
    /// The path of the socket.
    static func socket(_ setting: Setting, _ located: (String) -> String, _ mistakes: inout [Mistake]) -> String {
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
        reader.finish(&mistakes)
        return path
    }
}
