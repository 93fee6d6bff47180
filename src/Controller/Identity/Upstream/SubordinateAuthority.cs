using System.Collections.Immutable;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Culvert.Core;
using Culvert.Protocol;
using Microsoft.Extensions.Logging;

namespace Culvert.Controller.Identity.Upstream;

/// <summary>
/// Signs with an authority of its own, in memory, that one outside has certified: that one is asked once for many certificates, and may be away for as long as what it certified last is good. Each controller of a mesh has
/// an own one. Roots are those that the upstream authority tells; one that it takes back leaves the bundle at once, and what was certified below it is replaced. Safe for any number of threads.
/// </summary>
internal sealed class SubordinateAuthority : ICertificateAuthority, IAsyncDisposable
{
    private const int NameDigits = 8;
    private static readonly TimeSpan LeafBackdating = TimeSpan.FromSeconds(30);

    private readonly IUpstreamAuthority _upstream;
    private readonly UpstreamOptions _options;
    private readonly TimeProvider _time;
    private readonly Random _random;
    private readonly ILogger _logger;
    private readonly CancellationTokenSource _stop = new();

    // Held while it is decided who signs.
    private readonly Lock _lock = new();

    // Since when roots are in the bundle, by their names. Of the loop alone.
    private readonly Dictionary<string, DateTimeOffset> _trustedSince = new(StringComparer.Ordinal);
    private volatile UpstreamState _state;
    private volatile RevokedCredentials _revoked = RevokedCredentials.None;
    private Subordinate? _current;
    private Subordinate? _next;
    private string? _lastFailure;
    private bool _isUntold;
    private Task _watching = Task.CompletedTask;

    private SubordinateAuthority(IUpstreamAuthority upstream, UpstreamState state, UpstreamOptions options, TimeProvider time, Random random, ILogger logger)
    {
        (_upstream, _state, _options, _time, _random, _logger) = (upstream, state, options, time, random, logger);

        // Whoever knows a controller that has just started knows what it trusts.
        foreach (ReadOnlyMemory<byte> root in state.Roots) _trustedSince.Add(UpstreamState.NameOf(root), DateTimeOffset.MinValue);
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
    public static async Task<SubordinateAuthority> OpenAsync(IUpstreamAuthority upstream, UpstreamOptions options, TimeProvider time, Random random, ILogger logger, CancellationToken cancellationToken)
    {
        try
        {
            string? told = null;
            while (true)
            {
                try
                {
                    SubordinateAuthority authority = new(upstream, await upstream.ReadAsync(cancellationToken), options, time, random, logger);
                    await authority.RenewAsync(cancellationToken);
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
            if (!subordinate.IsTaken(encoded, request.Identity.TrustDomain, now, out string problem))
                throw new AuthorityException(AuthorityFailure.Misconfigured, $"{_upstream.Place} has certified an authority by which nobody takes {request.Identity}: {problem}.");
            return Task.FromResult<IssuedCertificate>(new(request.Identity, [encoded, .. subordinate.Chain], now - LeafBackdating, notAfter));
        }
        finally
        {
            subordinate.Issuer.Return(issuer);
        }
    }

    /// <inheritdoc/>
    public void Revoke(IReadOnlyCollection<CertificateSerial> serials) => _revoked = RevokedCredentials.None.With(serials);

    /// <summary>Ends it, and the upstream authority's part here.</summary>
    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _watching;
        lock (_lock)
        {
            _current?.Dispose();
            _current = null;
        }
        _next?.Dispose();
        await _upstream.DisposeAsync();
        _stop.Dispose();
    }

    private async Task WatchAsync()
    {
        while (true)
        {
            await Task.Delay(_options.Interval, _time, _stop.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            if (_stop.IsCancellationRequested) return;
            try
            {
                await ReadAsync(_stop.Token);
                await RenewAsync(_stop.Token);
                _lastFailure = null;
            }
            catch (OperationCanceledException) when (_stop.IsCancellationRequested)
            {
                return;
            }
            catch (AuthorityException e)
            {
                if (_lastFailure != e.Message) UpstreamLog.NotUsed(_logger, _options.Interval.TotalSeconds, e.Reason, e.Message);
                _lastFailure = e.Message;
            }
            catch (Exception e) when (e is not OutOfMemoryException)
            {
                // A bug of whoever was told of other roots: without this loop a root that was taken back would be trusted for ever.
                UpstreamLog.NotTaken(_logger, e);
            }
        }
    }

    private async Task ReadAsync(CancellationToken cancellationToken)
    {
        UpstreamState read = await _upstream.ReadAsync(cancellationToken);
        if (read.HasOtherRoots(_state))
        {
            _isUntold = true;
            UpstreamLog.RootsChanged(_logger, read.Roots.Length);
        }
        _state = read;
        if (!_isUntold) return;
        HashSet<string> names = [.. read.Roots.Select(UpstreamState.NameOf)];
        foreach (string gone in _trustedSince.Keys.Where(n => !names.Contains(n)).ToArray()) _trustedSince.Remove(gone);
        foreach (string name in names) _trustedSince.TryAdd(name, _time.GetUtcNow());

        // Once more the next time, where somebody who is told fails.
        RootsChanged?.Invoke();
        _isUntold = false;
    }

    /// <summary>Has another authority certified where one is due, and lets it sign once its root is known.</summary>
    private async Task RenewAsync(CancellationToken cancellationToken)
    {
        UpstreamState state = _state;
        DateTimeOffset now = _time.GetUtcNow();
        bool isCut = _current is null || _current.NotAfter <= now || _current.RootAmong(state.Roots, now) is null || _current.RevokedBy(_revoked) is not null;
        if (isCut || now >= _current!.Issuer.RenewAt || _current.Signer != state.Signer)
        {
            if (_next is { } prepared && (prepared.Signer != state.Signer || now >= prepared.Issuer.RenewAt || prepared.RootAmong(state.Roots, now) is null || prepared.RevokedBy(_revoked) is not null))
            {
                prepared.Dispose();
                _next = null;
            }
            _next ??= await CertifyAsync(state, now, cancellationToken);
        }
        if (_next is not { } next) return;

        // What nobody takes any more is no reason to wait.
        if (!isCut && now < ActivationOf(next, state, now)) return;
        lock (_lock)
        {
            _current?.Dispose();
            (_current, _next) = (next, null);
        }
        UpstreamLog.Certified(_logger, next.Name, SvidReader.SerialOf(next.Chain[0]).ToString(), next.NotAfter, next.Issuer.RenewAt);
    }

    private DateTimeOffset ActivationOf(Subordinate subordinate, UpstreamState state, DateTimeOffset now)
    {
        DateTimeOffset since = subordinate.RootAmong(state.Roots, now) is { } root && _trustedSince.TryGetValue(root, out DateTimeOffset known) ? known : now;
        return since == DateTimeOffset.MinValue ? since : since + _options.RootActivationDelay;
    }

    private async Task<Subordinate> CertifyAsync(UpstreamState state, DateTimeOffset now, CancellationToken cancellationToken)
    {
        ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        try
        {
            string name = $"Culvert intermediate {now:yyyyMMddHHmmss}-{RandomNumberGenerator.GetHexString(NameDigits, lowercase: true)}"; // of several controllers each has one
            Subordinate certified = Subordinate.Read(await _upstream.CertifyAsync(key, name, _options.Lifetime, cancellationToken), key, state, now);
            if (certified.RevokedBy(_revoked) is { } serial) throw new InvalidDataException($"leads over certificate {serial}, which is revoked");
            if (_current is not null && ActivationOf(certified, state, now) is var at && at > now) UpstreamLog.Activates(_logger, at);
            return certified;
        }
        catch (Exception e) when (e is InvalidDataException or CryptographicException)
        {
            key.Dispose();
            string what = e is InvalidDataException ? e.Message : $"is no certificate: {e.Message}";
            throw new AuthorityException(AuthorityFailure.Misconfigured, $"{_upstream.Place} can't be used, as what it has certified {what}.", e);
        }
        catch
        {
            key.Dispose();
            throw;
        }
    }

    private AuthorityException Ended() =>
        new(AuthorityFailure.Unavailable, $"{_upstream.Place} has certified no authority that is still valid{(_lastFailure is { } reason ? $"; it was last asked in vain: {reason}" : "")}.");
}
