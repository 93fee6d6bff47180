namespace Culvert.NodeAgent.Proxy.Http.Mirroring;

/// <summary>What mirrors may cost: little enough for requests themselves not to notice.</summary>
internal sealed record MirrorLimits
{
    /// <summary>Longest body that is copied.</summary>
    internal int MaxBody { get; init; } = 1 << 20;

    /// <summary>Most bytes of heads and bodies that all loops together have copied at a time; each has its part.</summary>
    internal int MaxCopied { get; init; } = 64 << 20;

    /// <summary>Most copies of one loop that are on their way.</summary>
    internal int MaxRunning { get; init; } = 256;

    /// <summary>How long a request with a body may take to come, and its copy from then on.</summary>
    internal TimeSpan Timeout { get; init; } = TimeSpan.FromSeconds(30);
}
