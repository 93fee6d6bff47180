namespace Culvert.NodeAgent.Proxy.Loop;

/// <summary>Limits of one event loop.</summary>
internal sealed record EventLoopOptions
{
    /// <summary>Events taken per wait.</summary>
    internal int EventBatch { get; init; } = 256;

    /// <summary>Bytes of the scratch buffer that tunnels and plain relays read into.</summary>
    internal int ScratchBytes { get; init; } = 128 * 1024;

    /// <summary>Most bytes that may wait for slow sockets.</summary>
    internal long MaxBufferedBytes { get; init; } = 256L * 1024 * 1024;

    /// <summary>Nice value of the loop's thread, -20 to 19; 0 leaves it as it is.</summary>
    internal int Nice { get; init; }

    /// <summary>How long the loop may look for more before it sleeps, at most; 0: it sleeps at once.</summary>
    internal TimeSpan LongestBusyPoll { get; init; }

    /// <summary>Most bytes kept idle for the next slow socket.</summary>
    internal long MaxIdleBytes { get; init; } = 4L * 1024 * 1024;
}
