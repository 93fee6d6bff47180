namespace Culvert.Controller.Identity.BuiltIn;

/// <summary>Options of the built-in authority.</summary>
public sealed record CertificateAuthorityOptions
{
    /// <summary>Lifetime of a root; a new one takes over before the last tenth of it begins.</summary>
    public TimeSpan RootLifetime { get; init; } = TimeSpan.FromDays(3650);

    /// <summary>Lifetime of an intermediate; a new one takes over at half of it. Its key is never kept.</summary>
    public TimeSpan IntermediateLifetime { get; init; } = TimeSpan.FromDays(30);

    /// <summary>How long a root that has left the bundle is still known to nodes that were away, and they to the controller; their certificates are only good for renewal then.</summary>
    public TimeSpan RetiredRootGrace { get; init; } = TimeSpan.FromDays(7);

    /// <summary>How long a new root is in the bundle before it signs, so that every agent knows it by then.</summary>
    public TimeSpan RootActivationDelay { get; init; } = TimeSpan.FromMinutes(5);
}
