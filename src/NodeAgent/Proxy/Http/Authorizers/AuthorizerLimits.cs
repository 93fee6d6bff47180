namespace Culvert.NodeAgent.Proxy.Http.Authorizers;

/// <summary>What asking external authorizers may cost.</summary>
internal sealed record AuthorizerLimits
{
    /// <summary>Most questions of one loop that are on their way.</summary>
    internal int MaxRunning { get; init; } = 8192;

    /// <summary>Most of them for the workloads of one namespace: who has a slow authorizer must not stop others.</summary>
    internal int MaxRunningOfNamespace { get; init; } = 256;

    /// <summary>Most requests of one loop that wait because a RateLimit delays them. Beyond, they are refused.</summary>
    internal int MaxDelayed { get; init; } = 8192;

    /// <summary>Most of them for the workloads of one namespace.</summary>
    internal int MaxDelayedOfNamespace { get; init; } = 1024;

    /// <summary>Most answers of rate limit services of one loop that a quota has kept. Beyond, the service is asked each time.</summary>
    internal int MaxQuotas { get; init; } = 1024;

    /// <summary>Most of them for the workloads of one namespace.</summary>
    internal int MaxQuotasOfNamespace { get; init; } = 256;

    /// <summary>Longest time that a quota keeps one.</summary>
    internal TimeSpan LongestQuota { get; init; } = TimeSpan.FromHours(1);

    /// <summary>How often a question is asked that a connection's end has left without an answer.</summary>
    internal int MostTries { get; init; } = 3;

    /// <summary>Longest body of an answer, in bytes.</summary>
    internal int MaxAnswer { get; init; } = 64 << 10;

    /// <summary>Longest body that the client of a denied request is sent, in bytes.</summary>
    internal int MaxDenial { get; init; } = 16 << 10;

    /// <summary>Most fields that an answer adds or removes.</summary>
    internal int MaxChanges { get; init; } = 64;

    /// <summary>Most bytes of their names and values.</summary>
    internal int MaxChangedBytes { get; init; } = 8 << 10;
}
