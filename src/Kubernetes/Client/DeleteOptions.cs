namespace Culvert.Kubernetes.Client;

/// <summary>How something is deleted.</summary>
public sealed record DeleteOptions
{
    /// <summary>What becomes of what it owns; null for what the kind does.</summary>
    public Propagation? Propagation { get; init; }

    /// <summary>Delete only the object with this id; another one is a conflict. Null for any.</summary>
    public string? Uid { get; init; }

    /// <summary>Delete only this version; another one is a conflict. Null for any.</summary>
    public string? ResourceVersion { get; init; }

    /// <summary>How long a pod may take to end; null for what it says.</summary>
    public TimeSpan? GracePeriod { get; init; }

    /// <summary>Whether the server only says whether it would.</summary>
    public bool DryRun { get; init; }
}
