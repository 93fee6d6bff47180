namespace Culvert.Kubernetes.Resources;

/// <summary>One whom the server asks before it stores objects.</summary>
public sealed record ValidatingWebhook
{
    /// <summary>Its name, a DNS name of three parts at least.</summary>
    public string Name { get; init => field = value ?? ""; } = "";

    /// <summary>How it is reached.</summary>
    public WebhookClientConfig ClientConfig { get; init => field = value ?? new(); } = new();
}
