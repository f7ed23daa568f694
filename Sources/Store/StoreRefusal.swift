package import Contract

extension Refusal {
    /// What the store's trouble is for who asked.
    package init(_ error: StoreError) {
        switch error {
        case .noSuchAlert, .noSuchDevice, .noSuchArea, .noSuchProfile: self = .notFound("\(error)")
        case .parentMissing, .notAFolder, .noStore, .notWritable, .notReadable, .leftOpen, .locked, .writtenTwice,
            .schemaTooNew, .foreign, .notDurable, .diskFull, .ioError, .corrupt, .busy, .sqlite, .sealedMeanwhile,
            .unknownQuantity, .abandoned, .repairUnfinished, .walDamaged, .targetNotEmpty, .storeExists, .noBackup,
            .backupDamaged:
            self = .failed("\(error)")
        }
    }
}
