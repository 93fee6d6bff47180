using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Culvert.Controller.Identity;
using Culvert.Controller.Snapshots;
using Culvert.Core;
using Culvert.Protocol;
using Microsoft.Extensions.Logging;

namespace Culvert.Controller.Hosting;

/// <summary>
/// The controller's own certificate; made anew at two thirds of its life and when the roots change. Its chain leads to older roots as well, so that an
/// agent that was away while the root was replaced can verify it and hear of the new one. Safe for any number of threads.
/// </summary>
internal sealed class ServerIdentity : IDisposable
{
    // Handshakes come at any rate; the authority is not to be asked with each.
    private static readonly TimeSpan LeastRetry = TimeSpan.FromSeconds(30);

    private readonly SnapshotPublisher _publisher;
    private readonly ICertificateAuthority _authority;
    private readonly IReadOnlyList<string> _dnsNames;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly SemaphoreSlim _lock = new(1);
    private SslStreamCertificateContext? _context;
    private SpiffeId? _identity;
    private DateTimeOffset _renewAt;
    private DateTimeOffset _notAfter;
    private volatile bool _rootsChanged;

    public ServerIdentity(SnapshotPublisher publisher, ICertificateAuthority authority, IReadOnlyList<string> dnsNames, TimeProvider time, ILogger logger)
    {
        (_publisher, _authority, _dnsNames, _time, _logger) = (publisher, authority, dnsNames, time, logger);
        authority.RootsChanged += Forget;
    }

    /// <summary>The certificate to show in a handshake.</summary>
    public async ValueTask<SslStreamCertificateContext> GetAsync(CancellationToken cancellationToken)
    {
        await _lock.WaitAsync(cancellationToken);
        try
        {
            MeshSettings mesh = _publisher.Current.Mesh;
            SpiffeId identity = SpiffeId.ForController(mesh.TrustDomain);
            if (_context is not null && !_rootsChanged && _identity == identity && _time.GetUtcNow() < _renewAt) return _context;
            _rootsChanged = false;
            try
            {
                _context = await IssueAsync(identity, mesh.CertificateLifetime, cancellationToken);
                _identity = identity;
            }
            catch (AuthorityException e) when (_context is not null && _identity == identity && _time.GetUtcNow() < _notAfter)
            {
                // Agents must be served while the authority is away, for as long as they can be.
                TimeSpan wait = e.RetryAfter ?? LeastRetry;
                _renewAt = _time.GetUtcNow() + (wait > LeastRetry ? wait : LeastRetry);
                HostingLog.IdentityNotRenewed(_logger, e.Reason, e.Message, _notAfter, _renewAt);
            }
            return _context;
        }
        finally
        {
            _lock.Release();
        }
    }

    public void Dispose()
    {
        _authority.RootsChanged -= Forget;
        _lock.Dispose();
    }

    private async Task<SslStreamCertificateContext> IssueAsync(SpiffeId identity, TimeSpan lifetime, CancellationToken cancellationToken)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        byte[] csr = CsrIdentity.Create(key, identity, _dnsNames);
        IssuedCertificate issued = await _authority.SignAsync(new() { Csr = csr, Identity = identity, Lifetime = lifetime, DnsNames = _dnsNames, LeadsToOlderRoots = true }, cancellationToken);
        using X509Certificate2 leaf = X509CertificateLoader.LoadCertificate(issued.Chain[0].Span);
        X509Certificate2Collection intermediates = [.. issued.Chain.Skip(1).Select(c => X509CertificateLoader.LoadCertificate(c.Span))];
        _notAfter = issued.NotAfter;
        _renewAt = _time.GetUtcNow() + ((issued.NotAfter - _time.GetUtcNow()) * 2 / 3);
        return OwnCertificate.Context(leaf.CopyWithPrivateKey(key), intermediates);
    }

    private void Forget() => _rootsChanged = true;
}
