namespace Culvert.Kubernetes.Authentication;

/// <summary>An ExecCredential: what a plugin is told, and what it says.</summary>
internal sealed class ExecCredentialDocument
{
    public string? ApiVersion { get; init; }

    public string? Kind { get; init; }

    public ExecCredentialSpec? Spec { get; init; }

    public ExecCredentialStatus? Status { get; init; }
}
