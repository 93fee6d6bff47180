namespace Culvert.Kubernetes.Resources;

/// <summary>Whom the server asks before it stores objects (admissionregistration.k8s.io/v1). What it asks about is left out: configurations are applied as documents.</summary>
public sealed record ValidatingWebhookConfiguration : IKubernetesObject
{
    /// <inheritdoc/>
    public string? ApiVersion { get; init; } = "admissionregistration.k8s.io/v1";

    /// <inheritdoc/>
    public string? Kind { get; init; } = "ValidatingWebhookConfiguration";

    /// <inheritdoc/>
    public ObjectMeta Metadata { get; init => field = value ?? new(); } = new();

    /// <summary>Each one who is asked.</summary>
    public IReadOnlyList<ValidatingWebhook> Webhooks { get; init => field = value ?? []; } = [];
}
