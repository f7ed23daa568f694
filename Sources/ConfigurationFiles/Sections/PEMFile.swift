import Basics
import Settings

/// A file with certificates or a key.
enum PEMFile {
    /// What `key` names, with a mistake where the file has no part of this label; nil where the key is missing.
    static func path(
        _ key: String, _ label: String, _ reader: inout SettingReader, _ located: (String) -> String,
        _ mistakes: inout [Mistake]
    ) -> String? {
        let path = reader.optionalText(key, &mistakes).map(located)
        if let path, let found = reader.setting[key], let fault = fault(path, label) {
            mistakes.append(found.mistake(fault))
        }
        return path
    }

    /// nil where the file has a part of this label (RFC 7468). Whether it is valid is for TLS to say.
    private static func fault(_ path: String, _ label: String) -> String? {
        guard !SettingFiles.isDirectory(path), SettingFiles.isReadable(path),
            let text = SettingFiles.beginning(of: path)
        else { return "expected a readable file" }
        if text.isEmpty { return "expected a PEM file; it is empty" }
        let hasPart = text.split(whereSeparator: \.isNewline).contains {
            $0.hasPrefix("-----BEGIN ") && $0.contains(label)
        }
        return hasPart ? nil : "expected a PEM file with a line -----BEGIN … \(label); it has none"
    }
}
