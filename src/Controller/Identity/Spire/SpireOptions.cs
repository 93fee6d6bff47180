using Culvert.Protocol;

namespace Culvert.Controller.Identity.Spire;

/// <summary>How to reach a SPIRE server.</summary>
public sealed record SpireOptions
{
    /// <summary>The port of a server unless said otherwise.</summary>
    public const int DefaultPort = 8081;

    /// <summary>The server's own socket; null: it is reached by <see cref="Address"/>.</summary>
    public SpiffeEndpoint? Socket { get; init; }

    /// <summary><c>https://HOST:PORT</c> of its API over TLS; null: it is reached by <see cref="Socket"/>.</summary>
    public Uri? Address { get; init; }

    /// <summary>Where the controller's own identity comes from, which the <see cref="Address"/> is shown. Needed with that only.</summary>
    public SpiffeEndpoint? WorkloadApi { get; init; }

    /// <summary>Whether the server certifies an authority that the controller signs with (NewDownstreamX509CA), in place of signing each certificate. By <see cref="Address"/> only.</summary>
    public bool IsDownstream { get; init; }

    /// <summary>How often the server is asked for its bundle: a root that it revokes is trusted for so long more. SPIRE's own agents ask as often.</summary>
    public TimeSpan BundleInterval { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>How long a call takes at most, its wait for a place included: less than the 10 s that agents wait for the controller, so that they are told why there is no certificate.</summary>
    public TimeSpan Deadline { get; init; } = TimeSpan.FromSeconds(8);
}
