namespace Culvert.Kubernetes.Resources;

/// <summary>Whose token it is.</summary>
public sealed record TokenReviewStatus
{
    /// <summary>Whether it is somebody's.</summary>
    public bool Authenticated { get; init; }

    /// <summary>Whose.</summary>
    public UserInfo User { get; init => field = value ?? new(); } = new();

    /// <summary>For whom it is, of those that were asked.</summary>
    public IReadOnlyList<string> Audiences { get; init => field = value ?? []; } = [];

    /// <summary>Why it is nobody's, or null.</summary>
    public string? Error { get; init; }
}
