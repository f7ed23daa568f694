package import Contract

extension Refusal {
    /// What the store's trouble is for who asked.
    package init(_ error: StoreError) {
        switch error {
        case .noSuchAlert, .noSuchIncident, .noIncident, .noSuchSilence, .noSuchDevice, .noSuchArea, .noSuchCircuit,
            .noSuchProfile,
            .noSuchQuantity, .noSuchChannel, .noSuchRule:
            self = .notFound("\(error)")
        case .wrongStatistic, .notShelved, .alertIsOver, .endsInPast: self = .wrong("\(error)")
        case .parentMissing, .notAFolder, .noStore, .notWritable, .notReadable, .leftOpen, .locked, .writtenTwice,
            .schemaTooNew, .tooManyStreams, .foreign, .notDurable, .diskFull, .ioError, .corrupt, .busy, .sqlite,
            .sealedMeanwhile, .unknownQuantity, .stopped, .abandoned, .repairUnfinished, .walDamaged, .unknownFiles,
            .otherCore,
            .storeGone, .outgrown, .otherFiles, .targetNotEmpty, .storeExists, .readingsInTheWay, .noBackup,
            .backupDamaged:
            self = .failed("\(error)")
        }
    }
}
