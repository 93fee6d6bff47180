namespace Culvert.Kubernetes.Resources;

/// <summary>A user of the API.</summary>
public sealed record UserInfo
{
    /// <summary>Name, e.g. <c>system:serviceaccount:NAMESPACE:NAME</c>.</summary>
    public string Username { get; init => field = value ?? ""; } = "";

    /// <summary>Unique id.</summary>
    public string Uid { get; init => field = value ?? ""; } = "";

    /// <summary>Groups.</summary>
    public IReadOnlyList<string> Groups { get; init => field = value ?? []; } = [];

    /// <summary>What the authenticator added, e.g. pod and node of a bound token; null for nothing.</summary>
    public IReadOnlyDictionary<string, IReadOnlyList<string>>? Extra { get; init; }
}
