namespace Culvert.Kubernetes.Configuration;

/// <summary>Where a cluster's API is, how it proves that it is the one, and how to prove who asks.</summary>
/// <remarks>Immutable. Its secrets are not to be had from it, and it has no text form.</remarks>
public sealed class ClusterConfiguration
{
    internal ClusterConfiguration()
    {
    }

    /// <summary>Address of the API server, with an optional path before that of the API.</summary>
    public required Uri Server { get; init; }

    /// <summary>What it was read from, for messages: a context of a file, or the pod.</summary>
    public required string Origin { get; init; }

    /// <summary>Namespace that is meant where none is said.</summary>
    public string Namespace { get; init; } = "default";

    /// <summary>Name that the server's certificate has to have, where that is not the host's; null otherwise.</summary>
    public string? TlsServerName { get; init; }

    /// <summary>Whether anybody is believed to be the server. Said loudly in the log.</summary>
    public bool SkipTlsVerification { get; init; }

    /// <summary>An HTTP or SOCKS5 proxy, or null. That of the environment is never used.</summary>
    public Uri? Proxy { get; init; }

    internal PemSource? Authority { get; init; }

    internal CredentialSettings Credentials { get; init; } = new();
}
