namespace Culvert.Kubernetes.Resources;

/// <summary>How one is reached whom the server asks.</summary>
public sealed record WebhookClientConfig
{
    /// <summary>Roots in PEM, in base64, that its certificate has to lead to; null: the system's.</summary>
    public string? CaBundle { get; init; }
}
