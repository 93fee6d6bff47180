namespace Culvert.Kubernetes.Authentication;

/// <summary>What a credential plugin may take.</summary>
internal sealed record ExecLimits
{
    /// <summary>How long it may run. Some ask a service far away.</summary>
    public TimeSpan Time { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>Most bytes of what it says.</summary>
    public int Output { get; init; } = 1 << 20;

    /// <summary>Most bytes of what it complains; what comes first is kept, and the rest is read and forgotten.</summary>
    public int Complaints { get; init; } = 4 << 10;
}
