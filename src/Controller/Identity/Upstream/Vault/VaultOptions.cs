namespace Culvert.Controller.Identity.Upstream.Vault;

/// <summary>How to reach an authority in Vault (or OpenBao).</summary>
/// <param name="Address">Where the server is: https, or http on this machine.</param>
/// <param name="Login">How this process proves who it is.</param>
internal sealed record VaultOptions(Uri Address, VaultLogin Login)
{
    /// <summary>Where the secrets engine is mounted unless said otherwise.</summary>
    public const string DefaultPki = "pki";

    /// <summary>Where the secrets engine of the authority is mounted.</summary>
    public string Pki { get; init; } = DefaultPki;

    /// <summary>The namespace of an enterprise server; null: none.</summary>
    public string? Namespace { get; init; }

    /// <summary>PEM file of the roots that the server's own certificate leads to; null: those of the machine.</summary>
    public string? ServerRoots { get; init; }

    /// <summary>PEM file of the roots to be trusted; null: those issuers of the engine that are roots.</summary>
    public string? Roots { get; init; }

    /// <summary>How long a call waits at most.</summary>
    public TimeSpan Deadline { get; init; } = TimeSpan.FromSeconds(10);
}
