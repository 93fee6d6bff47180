namespace Culvert.Kubernetes.Authentication;

/// <summary>What a plugin says. Has no text form: it holds secrets.</summary>
internal sealed class ExecCredentialStatus
{
    public string? Token { get; init; }

    public string? ClientCertificateData { get; init; }

    public string? ClientKeyData { get; init; }

    public DateTimeOffset? ExpirationTimestamp { get; init; }
}
