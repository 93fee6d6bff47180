namespace Culvert.Core;

/// <summary>How the proxy picks a backend for a new session.</summary>
public enum LoadBalancing
{
    /// <summary>One after the other, by weight.</summary>
    RoundRobin,

    /// <summary>The one with the fewest sessions for its weight.</summary>
    LeastSessions,

    /// <summary>By the client's address: the same client keeps its backend while that is there, and few clients move when backends change.</summary>
    SourceHash,
}
