namespace Culvert.Controller.Identity.Upstream;

/// <summary>How an authority below an upstream one is kept.</summary>
public sealed record UpstreamOptions
{
    /// <summary>The <see cref="Interval"/> unless said otherwise.</summary>
    public static readonly TimeSpan DefaultInterval = TimeSpan.FromSeconds(5);

    /// <summary>Lifetime asked for an authority; another one takes over at half of what it gets. Its key is in memory only.</summary>
    public TimeSpan Lifetime { get; init; } = TimeSpan.FromDays(30);

    /// <summary>How often the upstream authority is looked at: a root that it takes back is trusted for so long more.</summary>
    public TimeSpan Interval { get; init; } = DefaultInterval;

    /// <summary>How long a new root is in the bundle before something is signed below it, so that every agent knows it by then.</summary>
    public TimeSpan RootActivationDelay { get; init; } = TimeSpan.FromMinutes(5);
}
