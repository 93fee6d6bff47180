namespace Culvert.Kubernetes.Configuration;

/// <summary>How to prove who asks. Has no text form: it holds secrets.</summary>
internal sealed class CredentialSettings
{
    public string? Token { get; init; }

    /// <summary>File with a token, which may be replaced.</summary>
    public string? TokenFile { get; init; }

    public PemSource? ClientCertificate { get; init; }

    public PemSource? ClientKey { get; init; }

    public ExecSettings? Exec { get; init; }

    /// <summary>Who to act as, or null.</summary>
    public string? ImpersonateUser { get; init; }

    public string? ImpersonateUid { get; init; }

    public IReadOnlyList<string> ImpersonateGroups { get; init; } = [];

    public IReadOnlyList<KeyValuePair<string, string>> ImpersonateExtra { get; init; } = [];
}
