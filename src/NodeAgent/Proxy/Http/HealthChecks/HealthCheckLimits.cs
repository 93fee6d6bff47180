namespace Culvert.NodeAgent.Proxy.Http.HealthChecks;

/// <summary>What asking backends whether they are well may cost.</summary>
internal sealed record HealthCheckLimits
{
    /// <summary>Most backends that all loops together ask at a time; each has its part. Others wait for their turn.</summary>
    internal int MaxRunning { get; init; } = 256;

    /// <summary>How long backends are asked after the last request of a workload of this node.</summary>
    internal TimeSpan UseTime { get; init; } = TimeSpan.FromMinutes(10);

    /// <summary>How often is looked at what has changed: settings, backends, and who uses them.</summary>
    internal TimeSpan LookTime { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>Most bytes of the body of an answer; with more of them it is cut off.</summary>
    internal int MaxAnswer { get; init; } = 64 << 10;
}
