namespace Culvert.Kubernetes.Resources;

/// <summary>A question whose token it is.</summary>
public sealed record TokenReviewSpec
{
    /// <summary>The token; never logged.</summary>
    public string Token { get; init => field = value ?? ""; } = "";

    /// <summary>For whom it has to be; the API server when empty.</summary>
    public IReadOnlyList<string> Audiences { get; init => field = value ?? []; } = [];
}
