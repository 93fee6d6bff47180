using System.Text;
using System.Text.Json;
using Culvert.Kubernetes.Configuration;
using Culvert.Kubernetes.Errors;

namespace Culvert.Kubernetes.Authentication;

/// <summary>
/// Credentials that a program says (client.authentication.k8s.io). It is run when there is none, when the last is about to expire, and when the server refused it;
/// once for all who wait.
/// </summary>
internal sealed class ExecPlugin(ExecSettings settings, ClusterConfiguration configuration, TimeProvider time, ExecLimits limits) : IDisposable
{
    // So long before its end nothing new is begun with a credential; a tenth of its life where that is less.
    private static readonly TimeSpan LongestLead = TimeSpan.FromSeconds(30);

    private readonly SemaphoreSlim _gate = new(1);
    private volatile Credential? _credential;
    private DateTimeOffset? _renewAt;

    /// <exception cref="ApiException">The program failed.</exception>
    public async ValueTask<Credential> GetAsync(CancellationToken cancellationToken)
    {
        await _gate.WaitAsync(cancellationToken);
        try
        {
            if (_credential is { } credential && !(_renewAt <= time.GetUtcNow())) return credential;
            return _credential = await AskAsync(cancellationToken);
        }
        finally
        {
            _gate.Release();
        }
    }

    public void Refuse(Credential credential)
    {
        if (_credential == credential) _credential = null;
    }

    public void Dispose() => _gate.Dispose();

    private async Task<Credential> AskAsync(CancellationToken cancellationToken)
    {
        string output = await new ExecProcess(settings, limits, time).RunAsync(Told(), cancellationToken);
        ExecCredentialStatus status = Read(output);
        DateTimeOffset now = time.GetUtcNow();
        if (status.ExpirationTimestamp <= now) throw Wrong($"what it said has expired at {status.ExpirationTimestamp:u}");
        _renewAt = status.ExpirationTimestamp is { } end ? end - Least((end - now) / 10, LongestLead) : null;
        return new(string.IsNullOrEmpty(status.Token) ? null : status.Token, Identity(status));
    }

    private ExecCredentialStatus Read(string output)
    {
        ExecCredentialDocument document;
        try
        {
            document = JsonSerializer.Deserialize(output, ExecCredentialJson.Default.ExecCredentialDocument) ?? throw Wrong("it said nothing");
        }
        catch (JsonException)
        {
            // The message might quote a secret.
            throw Wrong("what it said is no ExecCredential in JSON");
        }
        if (document.Kind != "ExecCredential" || document.ApiVersion != settings.ApiVersion)
        {
            throw Wrong($"it said a {Shorten(document.Kind)} of {Shorten(document.ApiVersion)}, not an ExecCredential of {settings.ApiVersion}");
        }
        ExecCredentialStatus status = document.Status ?? throw Wrong("what it said has no status");
        if (string.IsNullOrEmpty(status.Token) && string.IsNullOrEmpty(status.ClientCertificateData)) throw Wrong("what it said has neither status.token nor status.clientCertificateData");
        if (string.IsNullOrEmpty(status.ClientCertificateData) != string.IsNullOrEmpty(status.ClientKeyData))
        {
            throw Wrong("what it said has only one of status.clientCertificateData and status.clientKeyData");
        }
        if (status.Token?.Any(c => c is <= ' ' or >= (char)127) == true) throw Wrong("its status.token holds what no token does");
        return status;
    }

    private ClientIdentity? Identity(ExecCredentialStatus status)
    {
        if (string.IsNullOrEmpty(status.ClientCertificateData)) return null;
        try
        {
            return PemReader.ReadIdentity(status.ClientCertificateData, status.ClientKeyData!);
        }
        catch (InvalidDataException e)
        {
            throw Wrong($"its status.clientCertificateData: {e.Message}");
        }
    }

    private string Told()
    {
        var told = new ExecCredentialDocument
        {
            ApiVersion = settings.ApiVersion,
            Kind = "ExecCredential",
            Spec = new() { Interactive = false, Cluster = settings.ProvideClusterInfo ? Cluster() : null },
        };
        return JsonSerializer.Serialize(told, ExecCredentialJson.Default.ExecCredentialDocument);
    }

    private ExecCredentialCluster Cluster() => new()
    {
        Server = configuration.Server.OriginalString,
        TlsServerName = configuration.TlsServerName,
        InsecureSkipTlsVerify = configuration.SkipTlsVerification,
        CertificateAuthorityData = configuration.Authority is { } authority ? Convert.ToBase64String(Encoding.UTF8.GetBytes(authority.Read())) : null,
        ProxyUrl = configuration.Proxy?.OriginalString,
        Config = settings.ClusterConfig is { } json ? JsonElement.Parse(json) : null,
    };

    private ApiException Wrong(string reason) => new(ApiFailure.NoCredentials, $"the credential plugin '{settings.Command}': {reason}");

    private static string Shorten(string? text) => text is null ? "nothing" : OneLine.Of(text.Length <= 64 ? text : text[..64] + "…");

    private static TimeSpan Least(TimeSpan a, TimeSpan b) => a < b ? a : b;
}
