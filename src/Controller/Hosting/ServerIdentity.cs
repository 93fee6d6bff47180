using System.Net.Security;
using System.Security.Authentication;
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

    // Less than a handshake may take (ControllerTls): an authority that does not answer must not keep agents out while the certificate of before is good.
    private static readonly TimeSpan LongestRenewal = TimeSpan.FromSeconds(1);

    private readonly SnapshotPublisher _publisher;
    private readonly ICertificateAuthority _authority;
    private readonly IReadOnlyList<string> _dnsNames;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly SemaphoreSlim _lock = new(1);
    private SslStreamCertificateContext? _context;
    private SpiffeId? _identity;
    private DateTimeOffset _renewAt;
    private DateTimeOffset _askAgainAt;
    private DateTimeOffset _notAfter;
    private string? _told;
    private volatile bool _rootsChanged;

    public ServerIdentity(SnapshotPublisher publisher, ICertificateAuthority authority, IReadOnlyList<string> dnsNames, TimeProvider time, ILogger logger)
    {
        (_publisher, _authority, _dnsNames, _time, _logger) = (publisher, authority, dnsNames, time, logger);
        authority.RootsChanged += Forget;
    }

    /// <summary>The certificate to show in a handshake.</summary>
    /// <exception cref="AuthenticationException">There is none to be had; the log says why.</exception>
    public async ValueTask<SslStreamCertificateContext> GetAsync(CancellationToken cancellationToken)
    {
        await _lock.WaitAsync(cancellationToken);
        try
        {
            MeshSettings mesh = _publisher.Current.Mesh;
            SpiffeId identity = SpiffeId.ForController(mesh.TrustDomain);
            DateTimeOffset now = _time.GetUtcNow();
            SslStreamCertificateContext? usable = _identity == identity && now < _notAfter ? _context : null;
            if (usable is not null && (now < _askAgainAt || (now < _renewAt && !_rootsChanged))) return usable;
            return usable is null ? await IssueFirstAsync(identity, mesh.CertificateLifetime, cancellationToken) : await RenewAsync(usable, identity, mesh.CertificateLifetime);
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

    /// <summary>A certificate where there is none: each handshake asks for it, and the log is told each reason once.</summary>
    private async Task<SslStreamCertificateContext> IssueFirstAsync(SpiffeId identity, TimeSpan lifetime, CancellationToken cancellationToken)
    {
        try
        {
            SslStreamCertificateContext issued = await IssueAsync(identity, lifetime, cancellationToken);
            _told = null;
            return issued;
        }
        catch (AuthorityException e)
        {
            if (_told != e.Message) HostingLog.NoIdentityToShow(_logger, e.Reason, e.Message);
            _told = e.Message;
            throw new AuthenticationException("the controller has no certificate to show", e);
        }
    }

    /// <summary>Another certificate, or, where there is none to be had now, the one of before: agents must be served while the authority is away, for as long as they can be.</summary>
    private async Task<SslStreamCertificateContext> RenewAsync(SslStreamCertificateContext usable, SpiffeId identity, TimeSpan lifetime)
    {
        bool rootsChanged = _rootsChanged;
        string reason;
        TimeSpan wait = LeastRetry;

        // Not the handshake's: whoever ends his own must not put the renewal off.
        using CancellationTokenSource longest = new(LongestRenewal, _time);
        try
        {
            return await IssueAsync(identity, lifetime, longest.Token);
        }
        catch (AuthorityException e)
        {
            reason = $"{e.Reason}: {e.Message}";
            if (e.RetryAfter > wait) wait = e.RetryAfter.Value;
        }
        catch (OperationCanceledException)
        {
            reason = $"{AuthorityFailure.Unavailable}: the authority has not answered within {LongestRenewal.TotalSeconds} s";
        }
        if (rootsChanged) _rootsChanged = true;
        _askAgainAt = _time.GetUtcNow() + wait;
        HostingLog.IdentityNotRenewed(_logger, reason, _notAfter, _askAgainAt);
        return usable;
    }

    private async Task<SslStreamCertificateContext> IssueAsync(SpiffeId identity, TimeSpan lifetime, CancellationToken cancellationToken)
    {
        // Before it is signed: a change that comes meanwhile is a reason for another one.
        _rootsChanged = false;
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        byte[] csr = CsrIdentity.Create(key, identity, _dnsNames);
        IssuedCertificate issued = await _authority.SignAsync(new() { Csr = csr, Identity = identity, Lifetime = lifetime, DnsNames = _dnsNames, LeadsToOlderRoots = true }, cancellationToken);
        using X509Certificate2 leaf = X509CertificateLoader.LoadCertificate(issued.Chain[0].Span);
        X509Certificate2Collection intermediates = [.. issued.Chain.Skip(1).Select(c => X509CertificateLoader.LoadCertificate(c.Span))];
        _notAfter = issued.NotAfter;
        _renewAt = _time.GetUtcNow() + ((issued.NotAfter - _time.GetUtcNow()) * 2 / 3);
        (_context, _identity) = (OwnCertificate.Context(leaf.CopyWithPrivateKey(key), intermediates), identity);
        return _context;
    }

    private void Forget() => _rootsChanged = true;
}
