using System.Text.Json;

namespace Culvert.Kubernetes.Authentication;

/// <summary>What a plugin is told of its cluster.</summary>
internal sealed class ExecCredentialCluster
{
    public string? Server { get; init; }

    public string? TlsServerName { get; init; }

    public bool InsecureSkipTlsVerify { get; init; }

    public string? CertificateAuthorityData { get; init; }

    public string? ProxyUrl { get; init; }

    public JsonElement? Config { get; init; }
}
