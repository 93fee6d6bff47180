namespace Culvert.NodeAgent.Proxy.Http.Mirroring;

/// <summary>What mirrors may cost: little enough for requests themselves not to notice.</summary>
internal sealed record MirrorLimits
{
    /// <summary>Longest body that is copied.</summary>
    internal int MaxBody { get; init; } = 1 << 20;

    /// <summary>Most bytes of bodies that one loop has copied at a time.</summary>
    internal int MaxCopied { get; init; } = 32 << 20;

    /// <summary>Most copies of one loop that are on their way.</summary>
    internal int MaxRunning { get; init; } = 256;

    /// <summary>How long one may take from when its request was whole.</summary>
    internal TimeSpan Timeout { get; init; } = TimeSpan.FromSeconds(30);
}
