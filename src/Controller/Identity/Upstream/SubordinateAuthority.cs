using System.Collections.Immutable;
using System.Security.Cryptography.X509Certificates;
using Culvert.Core;
using Culvert.Protocol;
using Microsoft.Extensions.Logging;

namespace Culvert.Controller.Identity.Upstream;

/// <summary>
/// Signs with an authority of its own, in memory, that one outside has certified: that one is asked once for many certificates, and may be away for as long as what it certified last is good. Each controller of a mesh has
/// an own one. Roots are those that the upstream authority tells; one that it takes back leaves the bundle at once, and nothing is signed below it any more. Safe for any number of threads.
/// </summary>
internal sealed partial class SubordinateAuthority : ICertificateAuthority, IAsyncDisposable
{
    private static readonly TimeSpan LeafBackdating = TimeSpan.FromSeconds(30);

    private readonly IUpstreamAuthority _upstream;
    private readonly UpstreamOptions _options;
    private readonly TimeProvider _time;
    private readonly Random _random;
    private readonly ILogger _logger;
    private readonly AuthorityMetrics? _metrics;
    private readonly CancellationTokenSource _stop = new();

    // Held while it is decided who signs.
    private readonly Lock _lock = new();

    private volatile UpstreamState _state;
    private volatile RevokedCredentials _revoked = RevokedCredentials.None;
    private volatile string? _lastFailure;
    private volatile string? _signedFor;
    private Subordinate? _current;
    private DateTimeOffset? _endedAt;
    private Task _watching = Task.CompletedTask;

    private SubordinateAuthority(IUpstreamAuthority upstream, UpstreamState state, UpstreamOptions options, TimeProvider time, Random random, ILogger logger, AuthorityMetrics? metrics)
    {
        (_upstream, _state, _options, _time, _random, _logger, _metrics) = (upstream, state, options, time, random, logger, metrics);

        // Whoever knows a controller that has just started knows what it trusts.
        foreach (ReadOnlyMemory<byte> root in state.Roots) _trustedSince.Add(CertificateFingerprint.Of(root), DateTimeOffset.MinValue);
    }

    /// <inheritdoc/>
    public event Action? RootsChanged;

    /// <inheritdoc/>
    public ImmutableArray<ReadOnlyMemory<byte>> Roots => _state.Roots;

    /// <inheritdoc/>
    public string? TrustDomain => _upstream.TrustDomain;

    /// <inheritdoc/>
    public TimeSpan Backdating => LeafBackdating;

    /// <summary>Waits until the upstream authority certifies: without it nothing can be told to agents, and those that run go on with what they have.</summary>
    /// <param name="upstream">Who certifies; this authority's from now on, also when it can't be opened.</param>
    /// <param name="options">Options.</param>
    /// <param name="time">The clock.</param>
    /// <param name="random">For lifetimes only.</param>
    /// <param name="logger">Where it is said why it waits.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <param name="metrics">Where it is measured; null: nowhere.</param>
    public static async Task<SubordinateAuthority> OpenAsync(
        IUpstreamAuthority upstream, UpstreamOptions options, TimeProvider time, Random random, ILogger logger, CancellationToken cancellationToken, AuthorityMetrics? metrics = null)
    {
        try
        {
            string? told = null;
            while (true)
            {
                try
                {
                    SubordinateAuthority authority = new(upstream, await upstream.ReadAsync(cancellationToken), options, time, random, logger, metrics);
                    await authority.RenewAsync(cancellationToken);
                    metrics?.IsUsable(true);
                    authority._watching = authority.WatchAsync();
                    return authority;
                }
                catch (AuthorityException e)
                {
                    if (told != e.Message) UpstreamLog.Waiting(logger, options.Interval.TotalSeconds, e.Reason, e.Message);
                    told = e.Message;
                }
                await Task.Delay(options.Interval, time, cancellationToken);
            }
        }
        catch
        {
            await upstream.DisposeAsync();
            throw;
        }
    }

    /// <inheritdoc/>
    public Task<IssuedCertificate> SignAsync(SigningRequest request, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(request);
        cancellationToken.ThrowIfCancellationRequested();
        PublicKey key = CsrReader.ReadPublicKey(request.Csr);
        if (TrustDomain is { } domain && domain != request.Identity.TrustDomain)
            throw new AuthorityException(AuthorityFailure.Misconfigured, $"{_upstream.Place} is of the trust domain {domain}, and the mesh's is {request.Identity.TrustDomain}: set spec.trustDomain of the MeshConfig to {domain}.");
        Subordinate subordinate;
        LeafIssuer issuer;
        DateTimeOffset now = CertificateFactory.WholeSecond(_time.GetUtcNow()), notAfter;
        lock (_lock)
        {
            subordinate = _current is { } current && current.NotAfter > now ? current : throw Ended();
            notAfter = CertificateFactory.WholeSecond(now + request.VariedLifetime(_random));
            issuer = subordinate.Issuer.Take();
        }
        try
        {
            if (notAfter > subordinate.NotAfter) notAfter = subordinate.NotAfter;
            using X509Certificate2 leaf = CertificateFactory.CreateLeaf(key, request.Identity, request.DnsNames, request.Addresses, issuer, now - LeafBackdating, notAfter);
            ReadOnlyMemory<byte> encoded = leaf.RawData;
            if (!subordinate.IsTaken(encoded, request.Identity.TrustDomain, now, out string? problem))
                throw new AuthorityException(AuthorityFailure.Misconfigured, $"{_upstream.Place} has certified an authority by which nobody takes {request.Identity}: {problem}.");
            _signedFor = request.Identity.TrustDomain;
            return Task.FromResult<IssuedCertificate>(new(request.Identity, [encoded, .. subordinate.Chain], now - LeafBackdating, notAfter));
        }
        finally
        {
            subordinate.Issuer.Return(issuer);
        }
    }

    /// <inheritdoc/>
    public void Revoke(IReadOnlyCollection<CertificateSerial> serials)
    {
        lock (_lock)
        {
            _revoked = RevokedCredentials.None.With(serials);
            if (_current?.RevokedBy(_revoked) is not null) Drop();
        }
        Volatile.Write(ref _hasOtherRevoked, true);
        _news.Writer.TryWrite(true);
    }

    /// <summary>Ends it, and the upstream authority's part here.</summary>
    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _watching;
        lock (_lock) Drop();
        _next?.Dispose();
        await _upstream.DisposeAsync();
        _stop.Dispose();
    }

    /// <summary>Nothing is signed with the current one any more. Called under the lock.</summary>
    private void Drop()
    {
        if (_current is null) return;
        _current.Dispose();
        (_current, _endedAt) = (null, _time.GetUtcNow());
        _metrics?.SignsNothing();
    }

    private AuthorityException Ended()
    {
        string since = (_current?.NotAfter ?? _endedAt) is { } end ? $" since {end:u}" : "";
        return new(AuthorityFailure.Unavailable, $"{_upstream.Place} has certified no authority that can sign{since}{(_lastFailure is { } reason ? $"; it was last asked in vain: {reason}" : ", and is asked for another one")}.");
    }
}
