using System.Collections.Immutable;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Culvert.Core;
using Culvert.Protocol;
using Culvert.Protocol.SpireTypes;
using Microsoft.Extensions.Logging;

namespace Culvert.Controller.Identity.Spire;

/// <summary>
/// A SPIRE server that signs each certificate (MintX509SVID). The controller has to be its admin, and holds no key that signs. Roots are those of the server's bundle, which is read over and over; while it can't be read
/// what was read last counts. Safe for any number of threads.
/// </summary>
internal sealed class SpireMintAuthority : ICertificateAuthority, IAsyncDisposable
{
    private const double BackdatingSeconds = 10;

    // Revocations are by the controller's clock and certificates by the server's.
    private static readonly TimeSpan MostClockDifference = TimeSpan.FromSeconds(5);

    private static readonly TimeSpan LeastBetweenReads = TimeSpan.FromSeconds(5);

    private readonly SpireServer _server;
    private readonly SpireOptions _options;
    private readonly TimeProvider _time;
    private readonly Random _random;
    private readonly ILogger _logger;
    private readonly AuthorityMetrics? _metrics;
    private readonly CancellationTokenSource _stop = new();
    private readonly SemaphoreSlim _reading = new(1);
    private volatile SpireBundle _bundle;
    private volatile bool _isUntold;
    private Task _watching = Task.CompletedTask;
    private long _readForKeyAt;

    private SpireMintAuthority(SpireServer server, SpireBundle bundle, SpireOptions options, TimeProvider time, Random random, ILogger logger, AuthorityMetrics? metrics) =>
        (_server, _bundle, _options, _time, _random, _logger, _metrics) = (server, bundle, options, time, random, logger, metrics);

    /// <inheritdoc/>
    public event Action? RootsChanged;

    /// <inheritdoc/>
    public ImmutableArray<ReadOnlyMemory<byte>> Roots => _bundle.Roots;

    /// <inheritdoc/>
    public bool SignsJwts => true;

    /// <inheritdoc/>
    public EquatableArray<JwtKey> JwtKeys => _bundle.JwtKeys;

    /// <inheritdoc/>
    public string TrustDomain => _bundle.TrustDomain;

    /// <summary>As seen of the server.</summary>
    public TimeSpan Backdating => TimeSpan.FromSeconds(BackdatingSeconds);

    /// <summary>
    /// Waits until the server answers and takes this process for its admin. Without its bundle nothing can be told to agents, and those that run go on with what they have.
    /// </summary>
    /// <param name="options">Where the server is.</param>
    /// <param name="time">The clock.</param>
    /// <param name="random">For lifetimes only.</param>
    /// <param name="logger">Where it is said why it waits.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <param name="metrics">Where it is measured; null: nowhere.</param>
    public static async Task<SpireMintAuthority> OpenAsync(SpireOptions options, TimeProvider time, Random random, ILogger logger, CancellationToken cancellationToken, AuthorityMetrics? metrics = null)
    {
        SpireServer server = new(options, time, logger);
        try
        {
            SpireBundle bundle = await FirstBundleAsync(server, options, time, logger, cancellationToken);
            SpireMintAuthority authority = new(server, bundle, options, time, random, logger, metrics);
            metrics?.IsUsable(true);
            authority._watching = authority.WatchAsync();
            return authority;
        }
        catch
        {
            await server.DisposeAsync();
            throw;
        }
    }

    /// <inheritdoc/>
    public async Task<IssuedCertificate> SignAsync(SigningRequest request, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(request);
        PublicKey key = CsrReader.ReadPublicKey(request.Csr);
        MintableCsr.Require(request);
        RequireTrustDomain(request.Identity);
        DateTimeOffset asked = _time.GetUtcNow();
        X509SVID svid = await _server.MintAsync(request.Csr, request.VariedLifetime(_random), isOwn: request.LeadsToOlderRoots, cancellationToken);
        if (svid.CertChain.Count == 0) throw Damaged("no certificate");
        ImmutableArray<ReadOnlyMemory<byte>> chain = [.. svid.CertChain.Select(c => (ReadOnlyMemory<byte>)c.ToByteArray())];
        try
        {
            IssuedCertificate issued = Read(chain, key, request.Identity);
            RequireSameClock(issued.NotBefore + Backdating, asked);

            // A root that signs already may not have been read yet: who is shown the certificate would not take it.
            if (!LeadsToRoots(chain)) await ReadBundleAsync(cancellationToken);
            return LeadsToRoots(chain) ? issued : throw Damaged($"a certificate that leads to no root of the bundle of {_bundle.TrustDomain}");
        }
        catch (CryptographicException e)
        {
            throw new AuthorityException(AuthorityFailure.Unavailable, $"The SPIRE server at {_server.Place} answered with what is no certificate: {e.Message}", e);
        }
    }

    /// <inheritdoc/>
    public async Task<IssuedJwt> SignJwtAsync(SpiffeId identity, IReadOnlyList<string> audience, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(identity);
        ArgumentNullException.ThrowIfNull(audience);
        RequireTrustDomain(identity);
        DateTimeOffset asked = _time.GetUtcNow();
        JWTSVID svid = await _server.MintJwtAsync(identity, audience, JwtSvid.Lifetime, cancellationToken);
        IssuedJwt issued = new(svid.Token, DateTimeOffset.FromUnixTimeSeconds(svid.IssuedAt), DateTimeOffset.FromUnixTimeSeconds(svid.ExpiresAt));
        RequireSameClock(issued.IssuedAt, asked);

        // As above: a key that signs already may not have been read yet. Whatever else is wrong another bundle does not mend.
        string? why = WhyNotTaken(issued, identity, audience);
        if (why == JwtErrors.Describe(JwtError.UnknownKey) && MayReadForKey())
        {
            await ReadBundleAsync(cancellationToken);
            why = WhyNotTaken(issued, identity, audience);
        }
        return why is null ? issued : throw Damaged($"a token that is not taken: {why}");
    }

    /// <summary>Stops reading the bundle.</summary>
    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _watching;
        await _server.DisposeAsync();
        _reading.Dispose();
        _stop.Dispose();
    }

    private static async Task<SpireBundle> FirstBundleAsync(SpireServer server, SpireOptions options, TimeProvider time, ILogger logger, CancellationToken cancellationToken)
    {
        string? told = null;
        while (true)
        {
            try
            {
                await server.RequireAdminAsync(cancellationToken);
                return SpireBundle.Read(await server.GetBundleAsync(cancellationToken), time.GetUtcNow());
            }
            catch (AuthorityException e)
            {
                if (told != e.Message) SpireLog.Waiting(logger, options.BundleInterval.TotalSeconds, e.Reason, e.Message);
                told = e.Message;
            }
            await Task.Delay(options.BundleInterval, time, cancellationToken);
        }
    }

    private async Task WatchAsync()
    {
        string? told = null;
        while (true)
        {
            await Task.Delay(_options.BundleInterval, _time, _stop.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            if (_stop.IsCancellationRequested) return;
            try
            {
                await ReadBundleAsync(_stop.Token);
                told = null;
                _metrics?.IsUsable(true);
            }
            catch (OperationCanceledException) when (_stop.IsCancellationRequested)
            {
                return;
            }
            catch (AuthorityException e)
            {
                if (told != e.Message) SpireLog.BundleNotRead(_logger, _options.BundleInterval.TotalSeconds, e.Reason, e.Message);
                told = e.Message;
                _metrics?.IsUsable(false);
            }
            catch (Exception e) when (e is not OutOfMemoryException)
            {
                // A bug of whoever was told of other roots: without this loop a root that was revoked would be trusted for ever.
                SpireLog.BundleNotTaken(_logger, e);
            }
        }
    }

    /// <exception cref="AuthorityException">It can't be read, or is another trust domain's; the one in force stays.</exception>
    private async Task ReadBundleAsync(CancellationToken cancellationToken)
    {
        // One after the other, so that an older answer does not take a newer one's place.
        await _reading.WaitAsync(cancellationToken);
        try
        {
            SpireBundle read = SpireBundle.Read(await _server.GetBundleAsync(cancellationToken), _time.GetUtcNow());
            if (read.TrustDomain != _bundle.TrustDomain) throw SpireFailure.OtherTrustDomain(_server.Place, read.TrustDomain, _bundle.TrustDomain);
            if (read.HasOtherRoots(_bundle) || read.JwtKeys != _bundle.JwtKeys)
            {
                (_bundle, _isUntold) = (read, true);
                SpireLog.BundleRead(_logger, read.TrustDomain, read.Roots.Length, read.Sequence);
            }
            if (!_isUntold) return;

            // Once more the next time, where somebody who is told fails.
            RootsChanged?.Invoke();
            _isUntold = false;
        }
        finally
        {
            _reading.Release();
        }
    }

    // A server whose tokens name a key that its bundle does not have is not asked for that at each of them.
    private bool MayReadForKey()
    {
        long now = _time.GetTimestamp(), before = Interlocked.Read(ref _readForKeyAt);
        return (before == 0 || _time.GetElapsedTime(before, now) >= LeastBetweenReads) && Interlocked.CompareExchange(ref _readForKeyAt, now, before) == before;
    }

    private void RequireTrustDomain(SpiffeId identity)
    {
        if (_bundle.TrustDomain == identity.TrustDomain) return;
        throw new AuthorityException(
            AuthorityFailure.Misconfigured,
            $"The SPIRE server at {_server.Place} signs for the trust domain {_bundle.TrustDomain}, and the mesh's is {identity.TrustDomain}: set spec.trustDomain of the MeshConfig to {_bundle.TrustDomain}.");
    }

    private string? WhyNotTaken(IssuedJwt issued, SpiffeId identity, IReadOnlyList<string> audience)
    {
        // By the server's clock, which is near enough to this one.
        TrustBundle bundle = new(_bundle.TrustDomain, []) { JwtKeys = _bundle.JwtKeys };
        string? why = JwtSvid.Verify(Encoding.UTF8.GetBytes(issued.Token), audience[0], bundle, issued.IssuedAt, out VerifiedJwtSvid? svid);
        return why ?? (svid!.Id == identity ? null : $"it is of {svid.Id}");
    }

    private IssuedCertificate Read(ImmutableArray<ReadOnlyMemory<byte>> chain, PublicKey key, SpiffeId identity)
    {
        using X509Certificate2 leaf = X509CertificateLoader.LoadCertificate(chain[0].Span);
        if (!leaf.PublicKey.ExportSubjectPublicKeyInfo().AsSpan().SequenceEqual(key.ExportSubjectPublicKeyInfo())) throw Damaged("a certificate for another key");
        if (!SvidReader.TryRead(leaf, out SpiffeId? certified) || certified != identity) throw Damaged($"a certificate of {certified?.ToString() ?? "no identity"} for {identity}");
        return new(identity, chain, new(leaf.NotBefore.ToUniversalTime()), new(leaf.NotAfter.ToUniversalTime()));
    }

    private void RequireSameClock(DateTimeOffset signed, DateTimeOffset asked)
    {
        DateTimeOffset now = _time.GetUtcNow();
        TimeSpan behind = asked - signed, ahead = signed - now;
        if (behind <= MostClockDifference && ahead <= MostClockDifference) return;
        string how = ahead > TimeSpan.Zero ? $"{ahead.TotalSeconds:F0} s ahead of" : $"{behind.TotalSeconds:F0} s behind";
        throw new AuthorityException(AuthorityFailure.Unavailable, $"The clock of the SPIRE server at {_server.Place} is {how} the controller's; {MostClockDifference.TotalSeconds} s are the most: have both set by NTP.");
    }

    private bool LeadsToRoots(ImmutableArray<ReadOnlyMemory<byte>> chain) => RootsPath.TryFind(chain, _bundle.Roots, _time.GetUtcNow(), out _, out _);

    private AuthorityException Damaged(string what) => new(AuthorityFailure.Unavailable, $"The SPIRE server at {_server.Place} answered with {what}.");
}
