import Basics
import Settings

/// The file that `mqtt.password_file` names: the password is its first line that is not empty.
package struct PasswordFile: Sendable {
    /// As given, or beside the configuration file.
    package var path: String

    package init(path: String) { self.path = path }

    /// Why the file gives no password, as a sentence.
    package struct Fault: Error {
        package var sentence: String
    }

    /// The password of now. Throws where the file cannot be read or has none.
    package func password() throws(Fault) -> String {
        let text: String
        do throws(Mistakes) {
            text = try SettingFiles.text(of: path)
        } catch {
            let mistake = error.list.first
            let line = mistake?.line.map { "line \($0): " } ?? ""
            throw Fault(sentence: line + (mistake?.expected ?? "it cannot be read"))
        }
        guard let line = text.split(whereSeparator: \.isNewline).first else { throw Fault(sentence: "it is empty") }
        return String(line)
    }
}
