using Culvert.Kubernetes.Configuration;

namespace Culvert.Kubernetes.Authentication;

/// <summary>What one request proves itself with. Has no text form: it holds a secret.</summary>
/// <param name="token">A bearer token, or null.</param>
/// <param name="identity">A certificate for the connection, or null.</param>
internal sealed class Credential(string? token, ClientIdentity? identity)
{
    public static readonly Credential None = new(null, null);

    public string? Token { get; } = token;

    public ClientIdentity? Identity { get; } = identity;
}
