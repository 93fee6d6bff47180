using System.Net.Http.Headers;
using Culvert.Kubernetes.Configuration;
using k8s.Authentication;
using Microsoft.Extensions.Logging;

namespace Culvert.Kubernetes.Authentication;

/// <summary>
/// Provides the credentials that are valid now. Those of the configuration win over those of a plugin. Safe for use by many threads.
/// </summary>
/// <remarks>
/// Gives the package's client its tokens. The package's own providers neither read again what the server refused, nor keep the last token
/// of a file that can't be read.
/// </remarks>
internal sealed class CredentialProvider : ITokenProvider, IDisposable
{
    private readonly string? _token;
    private readonly TokenFile? _tokenFile;
    private readonly ClientCertificateFiles? _certificate;
    private readonly ExecPlugin? _exec;
    private Credential _last = Credential.None;

    public CredentialProvider(ClusterConfiguration configuration, TimeProvider time, ILogger logger, ExecLimits? limits = null)
    {
        CredentialSettings settings = configuration.Credentials;
        _token = settings.Token;
        if (settings.TokenFile is { } path) _tokenFile = new(path, time, logger);
        if (settings.ClientCertificate is { } certificate) _certificate = new(certificate, settings.ClientKey!, time, logger);
        if (settings.Exec is { } exec && _token is null && _tokenFile is null && _certificate is null) _exec = new(exec, configuration, time, limits ?? new());
    }

    /// <summary>What is valid now; the same object as long as it is the same.</summary>
    /// <exception cref="Errors.ApiException">There is none (<see cref="Errors.ApiFailure.NoCredentials"/>).</exception>
    public ValueTask<Credential> GetAsync(CancellationToken cancellationToken) =>
        _exec is not null ? _exec.GetAsync(cancellationToken) : ValueTask.FromResult(Same(_token ?? _tokenFile?.Read(), _certificate?.Read()));

    /// <summary>The header of a request; null without a token.</summary>
    /// <exception cref="Errors.ApiException">There is no credential (<see cref="Errors.ApiFailure.NoCredentials"/>).</exception>
    public async Task<AuthenticationHeaderValue> GetAuthenticationHeaderAsync(CancellationToken cancellationToken) =>
        (await GetAsync(cancellationToken)).Token is { } token ? new("Bearer", token) : null!; // the package takes null for none

    /// <summary>The server did not accept it: it is read, or asked for, anew.</summary>
    public void Refuse(Credential credential)
    {
        _tokenFile?.Refuse();
        _certificate?.Refuse();
        _exec?.Refuse(credential);
    }

    public void Dispose() => _exec?.Dispose();

    private Credential Same(string? token, ClientIdentity? identity)
    {
        Credential last = Volatile.Read(ref _last);
        if (last.Token == token && last.Identity == identity) return last;
        var next = new Credential(token, identity);
        Volatile.Write(ref _last, next);
        return next;
    }
}
