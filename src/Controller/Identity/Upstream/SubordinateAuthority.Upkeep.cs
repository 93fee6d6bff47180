using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Threading.Channels;
using Culvert.Core;
using Culvert.Protocol;

namespace Culvert.Controller.Identity.Upstream;

/// <content>What becomes of it over time. One loop, which the fields here are of alone.</content>
internal sealed partial class SubordinateAuthority
{
    // What is taken back has to leave the bundle at once, and agents are better told of it when they can have other certificates.
    private static readonly TimeSpan LongestBeforeTelling = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan LongestBackoff = TimeSpan.FromMinutes(10);
    private static readonly TimeSpan SaidAgain = TimeSpan.FromDays(1);

    private readonly Channel<bool> _news = Channel.CreateBounded<bool>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite });

    // Since when roots are in the bundle, by their names.
    private readonly Dictionary<string, DateTimeOffset> _trustedSince = new(StringComparer.Ordinal);
    private Subordinate? _next;
    private DateTimeOffset _saidAt;
    private bool _isUntold;
    private bool _hasOtherRevoked;

    // What was certified and can't be used is not asked for again at once: the upstream authority may keep each.
    private (UpstreamState State, AuthorityException Refusal, int Refusals, DateTimeOffset Until)? _pause;

    private async Task WatchAsync()
    {
        while (true)
        {
            await WaitAsync();
            if (_stop.IsCancellationRequested) return;
            try
            {
                await LookAsync(_stop.Token);
                if (_lastFailure is not null) UpstreamLog.UsedAgain(_logger);
                _lastFailure = null;
                _metrics?.IsUsable(true);
            }
            catch (OperationCanceledException) when (_stop.IsCancellationRequested)
            {
                return;
            }
            catch (AuthorityException e)
            {
                DateTimeOffset now = _time.GetUtcNow();
                if (_lastFailure != e.Message || now >= _saidAt + SaidAgain)
                {
                    UpstreamLog.NotUsed(_logger, _options.Interval.TotalSeconds, e.Reason, e.Message);
                    _saidAt = now;
                }
                _lastFailure = e.Message;
                _metrics?.IsUsable(false);
            }
            catch (Exception e) when (e is not OutOfMemoryException)
            {
                // A bug of whoever was told of other roots: without this loop a root that was taken back would be trusted for ever.
                UpstreamLog.NotTaken(_logger, e);
            }
        }
    }

    private async Task WaitAsync()
    {
        using CancellationTokenSource waiting = CancellationTokenSource.CreateLinkedTokenSource(_stop.Token);
        await Task.WhenAny(Task.Delay(_options.Interval, _time, waiting.Token), _news.Reader.WaitToReadAsync(waiting.Token).AsTask());
        _news.Reader.TryRead(out _);
        await waiting.CancelAsync();
    }

    /// <summary>Takes up what the upstream authority is now, and does what is due. Where it can't be read, what is due is done all the same.</summary>
    private async Task LookAsync(CancellationToken cancellationToken)
    {
        AuthorityException? unread = null;
        try
        {
            Take(await _upstream.ReadAsync(cancellationToken));
        }
        catch (AuthorityException e)
        {
            unread = e;
        }
        if (_isUntold)
        {
            await TryRenewAsync(cancellationToken);

            // Once more the next time, where somebody who is told fails.
            RootsChanged?.Invoke();
            _isUntold = false;
        }
        await RenewAsync(cancellationToken);
        if (unread is not null) throw unread;
    }

    private void Take(UpstreamState read)
    {
        if (read.HasOtherRoots(_state))
        {
            _isUntold = true;
            UpstreamLog.RootsChanged(_logger, read.Roots.Length, read.DescribeRootsBeside(_state), _state.DescribeRootsBeside(read));
        }
        _state = read;
        HashSet<string> names = [.. read.Roots.Select(CertificateFingerprint.Of)];
        foreach (string gone in _trustedSince.Keys.Where(n => !names.Contains(n)).ToArray()) _trustedSince.Remove(gone);
        foreach (string name in names) _trustedSince.TryAdd(name, _time.GetUtcNow());
    }

    /// <summary>As far as it goes in a moment; what is left comes after.</summary>
    private async Task TryRenewAsync(CancellationToken cancellationToken)
    {
        using CancellationTokenSource patience = new(LongestBeforeTelling); // of those who wait, whatever the clock
        using CancellationTokenSource either = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, patience.Token);
        try
        {
            await RenewAsync(either.Token);
        }
        catch (Exception e) when (e is AuthorityException || (e is OperationCanceledException && !cancellationToken.IsCancellationRequested))
        {
            // It is tried again below, where failures are told.
        }
    }

    /// <summary>Has another authority certified where one is due, and lets it sign once its root is known.</summary>
    private async Task RenewAsync(CancellationToken cancellationToken)
    {
        UpstreamState state = _state;
        DateTimeOffset now = _time.GetUtcNow();
        if (Interlocked.Exchange(ref _hasOtherRevoked, false)) _pause = null;
        Subordinate? good;
        lock (_lock) good = _current is { } current && IsGood(current, state, now) ? current : null;
        if (_next is not null && (!IsGood(_next, state, now) || IsDue(_next, state, now))) Forget();
        try
        {
            if (good is null || IsDue(good, state, now)) _next ??= await CertifyAsync(state, now, isInTime: good is not null, cancellationToken);
            else Forget();
        }
        catch when (good is null)
        {
            lock (_lock) Drop();
            throw;
        }
        if (_next is not { } next) return;

        // Where nothing can sign there is no reason to wait.
        if (good is not null && now < ActivationOf(next, state, now)) return;
        lock (_lock)
        {
            _current?.Dispose();
            (_current, _next) = (next, null);
        }
        UpstreamLog.Certified(_logger, next.Name, SvidReader.SerialOf(next.Chain[0]).ToString(), next.NotAfter, next.Issuer.RenewAt);
        _metrics?.SignsUntil(next.NotAfter, next.FirstAbove.NotAfter);
        if (!_upstream.IsReplacedByItself && next.FirstAbove.NotAfter < now + _options.Lifetime) UpstreamLog.Ends(_logger, next.FirstAbove.Subject, next.FirstAbove.NotAfter);
    }

    private bool IsGood(Subordinate subordinate, UpstreamState state, DateTimeOffset now) => subordinate.NotAfter > now && subordinate.RootAmong(state.Roots, now) is not null && subordinate.RevokedBy(_revoked) is null;

    private static bool IsDue(Subordinate subordinate, UpstreamState state, DateTimeOffset now) => now >= subordinate.Issuer.RenewAt || subordinate.Signer != state.Signer;

    private void Forget()
    {
        _next?.Dispose();
        _next = null;
    }

    private DateTimeOffset ActivationOf(Subordinate subordinate, UpstreamState state, DateTimeOffset now)
    {
        DateTimeOffset since = subordinate.RootAmong(state.Roots, now) is { } root && _trustedSince.TryGetValue(root, out DateTimeOffset known) ? known : now;
        return since == DateTimeOffset.MinValue ? since : since + _options.RootActivationDelay;
    }

    private async Task<Subordinate> CertifyAsync(UpstreamState state, DateTimeOffset now, bool isInTime, CancellationToken cancellationToken)
    {
        if (_pause is { } pause && pause.State.IsSameAs(state) && now < pause.Until) throw new AuthorityException(pause.Refusal.Reason, pause.Refusal.Message, pause.Refusal);
        ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        try
        {
            Subordinate certified = Subordinate.Read(await _upstream.CertifyAsync(key, CertificateFactory.NewIntermediateName(now), _options.Lifetime, cancellationToken), key, state, now);
            RequireTaken(certified, TrustDomain ?? _signedFor, now);
            if (certified.RevokedBy(_revoked) is { } serial) throw new InvalidDataException($"leads over certificate {serial}, which is revoked");
            if (isInTime && ActivationOf(certified, state, now) is var at && at > now) UpstreamLog.Activates(_logger, at);
            _pause = null;
            return certified;
        }
        catch (Exception e) when (e is InvalidDataException or CryptographicException)
        {
            key.Dispose();
            int refusals = _pause is { } before && before.State.IsSameAs(state) ? before.Refusals + 1 : 0;
            TimeSpan wait = TimeSpan.FromTicks(Math.Min(LongestBackoff.Ticks, _options.Interval.Ticks << Math.Min(refusals, 16)));
            string what = e is InvalidDataException ? e.Message : $"is no certificate: {e.Message}";
            AuthorityException refusal = new(AuthorityFailure.Misconfigured, $"{_upstream.Place} can't be used, as what it has certified {what}.", e);
            _pause = (state, refusal, refusals, now + wait);
            throw refusal;
        }
        catch
        {
            key.Dispose();
            throw;
        }
    }

    /// <summary>One that may not certify the mesh's names does not take the place of one that does. Before the first certificate nobody knows which they are.</summary>
    private static void RequireTaken(Subordinate certified, string? trustDomain, DateTimeOffset now)
    {
        if (trustDomain is null) return;
        LeafIssuer issuer = certified.Issuer.Take();
        try
        {
            using X509Certificate2 probe = CertificateFactory.CreateLeaf(new PublicKey(issuer.Key), SpiffeId.ForController(trustDomain), [], [], issuer, now - LeafBackdating, certified.NotAfter);
            if (!certified.IsTaken(probe.RawData, trustDomain, now, out string? problem)) throw new InvalidDataException($"signs nothing for {trustDomain} that anybody takes: {problem}");
        }
        finally
        {
            certified.Issuer.Return(issuer);
        }
    }
}
