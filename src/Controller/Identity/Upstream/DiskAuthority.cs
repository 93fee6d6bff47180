using System.Collections.Immutable;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Culvert.Controller.Identity.Upstream;

/// <summary>
/// An authority in files, such as an organisation hands out for a mesh; its key may be in a token. The files are read anew each time that they are asked for: whoever replaces them need not tell anybody. What does not fit
/// together, as in the middle of a replacement, is refused, and what was read before stays in force.
/// </summary>
internal sealed class DiskAuthority(DiskOptions options, TimeProvider time) : IUpstreamAuthority
{
    private static readonly TimeSpan Backdating = TimeSpan.FromMinutes(5);

    private readonly TokenKey? _token = TokenKey.IsUri(options.Key) ? new(TokenKey.Pkcs11, options.Key, time) : null;

    /// <inheritdoc/>
    public string Place => $"The authority of {options.Certificate}";

    /// <inheritdoc/>
    public string? TrustDomain => null;

    /// <inheritdoc/>
    public async Task<UpstreamState> ReadAsync(CancellationToken cancellationToken)
    {
        using DiskFiles files = await OpenAsync(cancellationToken);
        return files.State;
    }

    /// <inheritdoc/>
    public async Task<ImmutableArray<ReadOnlyMemory<byte>>> CertifyAsync(ECDsa key, string name, TimeSpan lifetime, CancellationToken cancellationToken)
    {
        using DiskFiles files = await OpenAsync(cancellationToken);
        DateTimeOffset now = CertificateFactory.WholeSecond(time.GetUtcNow()), end = new(files.Certificate.NotAfter.ToUniversalTime()), notAfter = now + lifetime < end ? now + lifetime : end;
        try
        {
            using X509Certificate2 certificate = CertificateFactory.CreateIntermediate(key, name, files.Certificate, files.Signer, now - Backdating, notAfter);
            return [certificate.RawData, .. files.Above];
        }
        catch (CryptographicException e)
        {
            AuthorityException failure = new(AuthorityFailure.Unavailable, $"{Place} does not sign: {e.Message}", e);
            _token?.LeaveAlone(failure);
            throw failure;
        }
    }

    /// <summary>Lets go of the token.</summary>
    public ValueTask DisposeAsync()
    {
        _token?.Dispose();
        return ValueTask.CompletedTask;
    }

    private async Task<DiskFiles> OpenAsync(CancellationToken cancellationToken)
    {
        string certificate = await PemFile.ReadAsync(options.Certificate, cancellationToken);
        Func<X509Certificate2, AsymmetricAlgorithm> openKey = await KeyAsync(cancellationToken);
        string? roots = options.Roots is null ? null : await PemFile.ReadAsync(options.Roots, cancellationToken);
        try
        {
            return DiskFiles.Read(options, certificate, openKey, roots, time.GetUtcNow());
        }
        catch (InvalidDataException e)
        {
            throw new AuthorityException(AuthorityFailure.Misconfigured, e.Message, e);
        }
    }

    private async Task<Func<X509Certificate2, AsymmetricAlgorithm>> KeyAsync(CancellationToken cancellationToken)
    {
        if (_token is { } token) return certificate => token.Open(options, certificate);
        SecretFile.RequirePrivate(options.Key);
        string pem = await PemFile.ReadAsync(options.Key, cancellationToken);
        return certificate => PemKey.Read(options, certificate, pem);
    }
}
