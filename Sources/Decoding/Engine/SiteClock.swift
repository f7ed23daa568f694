import Basics

/// What `zone: site` means in a profile.
struct SiteClock {
    /// East of UTC; where no `zone` is known.
    let zoneOffsetSeconds: Int
    let zone: ZoneRules?
}
