namespace Culvert.Kubernetes.Resources;

/// <summary>A probe by HTTP.</summary>
public sealed record HttpGetAction
{
    /// <summary>Path; / when null.</summary>
    public string? Path { get; init; }

    /// <summary>Number, or name of a port of the container.</summary>
    public required IntOrString Port { get; init; }

    /// <summary>Whom to connect to; the pod when null.</summary>
    public string? Host { get; init; }

    /// <summary>HTTP or HTTPS.</summary>
    public string Scheme { get; init => field = value ?? "HTTP"; } = "HTTP";
}
