namespace Culvert.Kubernetes.Client;

/// <summary>The version of an API server.</summary>
public sealed record ServerVersion
{
    /// <summary>The whole, e.g. <c>v1.36.2</c>, or <c>v1.33.1-gke.5</c>.</summary>
    public string GitVersion { get; init => field = value ?? ""; } = "";

    /// <summary>The first number.</summary>
    public string Major { get; init => field = value ?? ""; } = "";

    /// <summary>The second number; some clusters write a <c>+</c> behind it.</summary>
    public string Minor { get; init => field = value ?? ""; } = "";
}
