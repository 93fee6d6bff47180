namespace Culvert.Cni;

/// <summary>Codes of errors (CNI specification 1.1, section 5); 100 and above are the plugin's own.</summary>
public enum CniErrorCode
{
    /// <summary>No error.</summary>
    None = 0,

    /// <summary>The plugin does not speak the version that it was asked in.</summary>
    IncompatibleVersion = 1,

    /// <summary>A field of the configuration has a value that is not supported.</summary>
    UnsupportedField = 2,

    /// <summary>An environment variable is missing or wrong.</summary>
    InvalidEnvironment = 4,

    /// <summary>Something can't be read or written.</summary>
    IoFailure = 5,

    /// <summary>What was read is not what it should be.</summary>
    DecodingFailure = 6,

    /// <summary>The network's configuration is wrong.</summary>
    InvalidConfiguration = 7,

    /// <summary>A condition that will pass: the runtime is to try again later.</summary>
    TryAgainLater = 11,

    /// <summary>Answer to <see cref="CniCommand.Status"/>: containers can't be added now.</summary>
    NotAvailable = 50,

    /// <summary>Answer to <see cref="CniCommand.Check"/>: the pod is to be in the mesh and is not captured.</summary>
    NotCaptured = 100,
}
