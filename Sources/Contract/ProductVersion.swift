// The one place: `make deb` reads the line below, and a test holds the changelog against it.

/// Which Baotu this is: the gateway, its tools and its package say the same.
public enum ProductVersion {
    /// By Semantic Versioning, such as `0.1.0`: the last released one in CHANGELOG.md until the next is released.
    public static let current = "0.1.0"
}
