using Culvert.Core;
using Culvert.NodeAgent.Identity;
using Grpc.Core;

namespace Culvert.NodeAgent.WorkloadApi;

/// <summary>
/// Tokens of this node's workloads: each until half its life, so that whoever asks again and again does not have the controller sign as often; and until its end, where the controller can't be reached. In memory only.
/// Thread-safe.
/// </summary>
/// <param name="issuer">Has them signed.</param>
/// <param name="time">The clock.</param>
internal sealed class JwtSvidCache(IJwtIssuer issuer, TimeProvider time) : IAsyncDisposable
{
    /// <summary>Most tokens that are kept; those that end first make room.</summary>
    internal const int Most = 4096;

    /// <summary>Most of one workload: others' are not to go for the many that one asks for.</summary>
    internal const int MostOfOne = 64;

    /// <summary>Tokens that one workload may have signed at once after a pause, and, after these, <see cref="PerSecond"/>: the authority has others to serve.</summary>
    internal const int Burst = 64;

    /// <summary>See <see cref="Burst"/>.</summary>
    internal const int PerSecond = 10;

    // At once: the authority has other nodes as well.
    private const int MostAsked = 4;

    private readonly Lock _lock = new();
    private readonly Dictionary<Key, Held> _held = [];
    private readonly Dictionary<Key, Task<IssuedJwt>> _asked = [];
    private readonly Dictionary<string, Allowance> _allowances = new(StringComparer.Ordinal);
    private readonly SemaphoreSlim _turns = new(MostAsked, MostAsked);
    private readonly CancellationTokenSource _stop = new();

    /// <summary>How many are kept.</summary>
    internal int Count
    {
        get
        {
            lock (_lock) return _held.Count;
        }
    }

    /// <summary>A token of a workload.</summary>
    /// <param name="workload">The workload.</param>
    /// <param name="audience">For whom it is to be: checked by the caller, in any order.</param>
    /// <param name="cancellationToken">Ends the wait. What was asked for comes for others, and for the next time.</param>
    /// <exception cref="RpcException">RESOURCE_EXHAUSTED: the workload asks too often. Others: the controller gave none, and there is none that is still good; so is any other exception of its.</exception>
    internal async Task<IssuedJwt> GetAsync(WorkloadInfo workload, IEnumerable<string> audience, CancellationToken cancellationToken)
    {
        string[] names = [.. audience.Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal)];
        Key key = new(workload.Uid, workload.Identity, string.Join('\0', names));
        Held? held;
        Task<IssuedJwt> asked;
        lock (_lock)
        {
            held = _held.GetValueOrDefault(key);
            if (held is not null && time.GetUtcNow() < held.RenewAt) return held.Jwt;
            if (!_asked.TryGetValue(key, out Task<IssuedJwt>? running))
            {
                if (!TryTake(key.Uid))
                    return held is not null && time.GetUtcNow() < held.EndsAt ? held.Jwt : throw new RpcException(new Status(StatusCode.ResourceExhausted, $"this workload has more than {PerSecond} tokens a second signed"));
                _asked.Add(key, running = Task.Run(() => AskAsync(key, names), CancellationToken.None));
            }
            asked = running;
        }

        try
        {
            return await asked.WaitAsync(cancellationToken);
        }
        catch (Exception e) when (e is not OperationCanceledException and not OutOfMemoryException && held is not null && time.GetUtcNow() < held.EndsAt)
        {
            return held.Jwt;
        }
    }

    /// <summary>Ends what is being asked for.</summary>
    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        Task[] running;
        lock (_lock) running = [.. _asked.Values];
        await Task.WhenAll(running).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _turns.Dispose();
        _stop.Dispose();
    }

    private async Task<IssuedJwt> AskAsync(Key key, string[] audience)
    {
        try
        {
            await _turns.WaitAsync(_stop.Token);
            try
            {
                IssuedJwt jwt = await issuer.SignJwtAsync(key.Uid, audience, _stop.Token);
                if (jwt.Identity != key.Identity.ToString()) throw new InvalidOperationException($"the controller signed a token of {jwt.Identity} for {key.Identity}");
                lock (_lock) Keep(key, jwt);
                return jwt;
            }
            finally
            {
                _turns.Release();
            }
        }
        finally
        {
            lock (_lock) _asked.Remove(key);
        }
    }

    // Under the lock. Its life is counted from when it came, as the controller's clock may be another.
    private void Keep(Key key, IssuedJwt jwt)
    {
        DateTimeOffset now = time.GetUtcNow();
        if (!_held.ContainsKey(key))
        {
            foreach (Key ended in _held.Where(h => h.Value.EndsAt <= now).Select(h => h.Key).ToArray()) _held.Remove(ended);
            Key[] own = [.. _held.Where(h => h.Key.Uid == key.Uid).OrderBy(h => h.Value.EndsAt).Select(h => h.Key)];
            if (own.Length >= MostOfOne) _held.Remove(own[0]);
            if (_held.Count >= Most) _held.Remove(_held.MinBy(h => h.Value.EndsAt).Key);
        }
        TimeSpan life = jwt.ExpiresAt - jwt.IssuedAt;
        _held[key] = new(jwt, now + (life / 2), now + life);
    }

    // Under the lock: a token bucket.
    private bool TryTake(string uid)
    {
        long now = time.GetTimestamp();
        if (!_allowances.TryGetValue(uid, out Allowance? allowance))
        {
            // Those of workloads that are gone, and of others that are as if they had never asked.
            if (_allowances.Count >= Most)
            {
                foreach (string full in _allowances.Where(a => a.Value.Left(now, time) >= Burst).Select(a => a.Key).ToArray()) _allowances.Remove(full);
            }
            _allowances.Add(uid, allowance = new Allowance { FilledAt = now });
        }
        double left = allowance.Left(now, time);
        bool isLeft = left >= 1;
        (allowance.Tokens, allowance.FilledAt) = (isLeft ? left - 1 : left, now);
        return isLeft;
    }

    private sealed class Allowance
    {
        internal double Tokens { get; set; } = Burst;

        internal required long FilledAt { get; set; }

        internal double Left(long now, TimeProvider time) => Math.Min(Burst, Tokens + (time.GetElapsedTime(FilledAt, now).TotalSeconds * PerSecond));
    }

    private sealed record Key(string Uid, SpiffeId Identity, string Audience);

    private sealed record Held(IssuedJwt Jwt, DateTimeOffset RenewAt, DateTimeOffset EndsAt);
}
