using Culvert.Core;
using Culvert.NodeAgent.Identity;
using Culvert.Protocol;
using Grpc.Core;

namespace Culvert.NodeAgent.WorkloadApi;

/// <summary>
/// Tokens of this node's workloads: each until half its life, so that whoever asks again and again does not have the controller sign as often; and until its end, where the controller can't be reached. In memory only.
/// The controller signs so many for a node, and refuses more, whosever they are: it is asked for fewer, so that those who wait have turns, and what it refuses all the same waits on. Thread-safe.
/// </summary>
/// <param name="issuer">Has them signed.</param>
/// <param name="time">The clock.</param>
internal sealed class JwtSvidCache(IJwtIssuer issuer, TimeProvider time) : IAsyncDisposable
{
    /// <summary>Tokens that one workload may be waiting for at a time.</summary>
    internal const int MostUnfinished = 8;

    /// <summary>At once, of all: the authority has other nodes as well.</summary>
    internal const int MostAsked = ProtocolLimits.JwtsAtOnce;

    /// <summary>How long whoever has a token that is still good waits for the next one.</summary>
    internal static readonly TimeSpan Patience = TimeSpan.FromSeconds(2);

    /// <summary>How long it may take until the controller is asked.</summary>
    internal static readonly TimeSpan LongestQueue = TimeSpan.FromSeconds(5);

    /// <summary>How long it is believed that the authority signs none.</summary>
    internal static readonly TimeSpan UnsupportedFor = TimeSpan.FromMinutes(1);

    private readonly Lock _lock = new();
    private readonly HeldJwts _held = new();
    private readonly JwtPace _pace = new(time);
    private readonly Dictionary<JwtQuestion, JwtAsk> _asked = [];
    private readonly Dictionary<string, int> _unfinished = new(StringComparer.Ordinal);
    private readonly JwtAskQueue _queue = new();
    private readonly HashSet<Task> _running = [];
    private readonly CancellationTokenSource _stop = new();
    private (string Reason, DateTimeOffset Until) _unsupported = ("", DateTimeOffset.MinValue);
    private ITimer? _wake;

    /// <summary>How many are kept.</summary>
    internal int Count
    {
        get
        {
            lock (_lock) return _held.Count;
        }
    }

    /// <summary>How many are being asked for, or wait for that, whoever wants them.</summary>
    internal int Unfinished
    {
        get
        {
            lock (_lock) return _unfinished.Values.Sum();
        }
    }

    /// <summary>A token of a workload.</summary>
    /// <param name="workload">The workload.</param>
    /// <param name="audience">For whom it is to be: checked by the caller, in any order.</param>
    /// <param name="cancellationToken">Ends the wait. What nobody waits for any more is given up.</param>
    /// <exception cref="RpcException">RESOURCE_EXHAUSTED: the workload asks too often, or for too many at once. Others: the controller gave none, and there is none that is still good; so is any other exception of its.</exception>
    /// <exception cref="JwtsUnsupportedException">The authority signs none.</exception>
    internal async Task<IssuedJwt> GetAsync(WorkloadInfo workload, IEnumerable<string> audience, CancellationToken cancellationToken)
    {
        string[] names = [.. audience.Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal)];
        JwtQuestion question = new(workload.Uid, workload.Identity, string.Join('\0', names));
        IssuedJwt? good;
        JwtAsk ask;
        lock (_lock)
        {
            DateTimeOffset now = time.GetUtcNow();
            HeldJwt? held = _held.Find(question);
            if (held is not null && now < held.RenewAt) return held.Jwt;
            good = held is not null && now < held.EndsAt ? held.Jwt : null;
            if (now < _unsupported.Until) return good ?? throw new JwtsUnsupportedException(_unsupported.Reason);
            if (!_asked.TryGetValue(question, out JwtAsk? running))
            {
                if (WhyNot(question.Uid) is { } why) return good ?? throw new RpcException(new Status(StatusCode.ResourceExhausted, why));
                running = Add(question, names);
            }
            ask = running;
            ask.Waiting++;
        }

        bool isLeftRunning = false;
        try
        {
            if (good is null) return await ask.Task.WaitAsync(cancellationToken);
            TimeSpan left = Patience - time.GetElapsedTime(ask.Since);
            if (left > TimeSpan.Zero) return await ask.Task.WaitAsync(left, time, cancellationToken);
            isLeftRunning = true;
            return good;
        }
        catch (TimeoutException) when (good is not null && !ask.Task.IsCompleted)
        {
            // Its answer is for whoever asks next.
            isLeftRunning = true;
            return good;
        }
        catch (Exception e) when (e is not OperationCanceledException and not OutOfMemoryException && good is not null)
        {
            return good;
        }
        finally
        {
            Leave(question, ask, isLeftRunning);
        }
    }

    /// <summary>Takes the keys of the trust domain: what was signed with one that has left them nobody believes any more.</summary>
    internal void Forget(EquatableArray<JwtKey> keys)
    {
        lock (_lock) _held.Forget(keys);
    }

    /// <summary>Ends what is being asked for.</summary>
    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        Task[] running;
        ITimer? wake;
        lock (_lock)
        {
            while (_queue.TryTake(out JwtAsk? ask)) GiveUp(ask);
            running = [.. _running];
            wake = _wake;
        }
        if (wake is not null) await wake.DisposeAsync();
        await Task.WhenAll(running).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _stop.Dispose();
    }

    // What follows is under the lock, but for Wake, RunAsync, Leave and Expire, which take it.
    private string? WhyNot(string uid)
    {
        if (_unfinished.GetValueOrDefault(uid) >= MostUnfinished) return $"this workload waits for {MostUnfinished} tokens already";
        return _pace.TryTake(uid) ? null : $"this workload has more than {JwtPace.PerSecond} tokens a second signed";
    }

    private JwtAsk Add(JwtQuestion question, string[] names)
    {
        ObjectDisposedException.ThrowIf(_stop.IsCancellationRequested, this);
        JwtAsk ask = new(question.Uid, names, time.GetTimestamp(), _stop.Token);
        _asked.Add(question, ask);
        _unfinished[question.Uid] = _unfinished.GetValueOrDefault(question.Uid) + 1;
        _queue.Add(ask);
        ask.Limit = time.CreateTimer(_ => Expire(question, ask), null, LongestQueue, Timeout.InfiniteTimeSpan);
        ask.Run = () => RunAsync(question, ask);
        StartNext();
        return ask;
    }

    private void StartNext()
    {
        while (_running.Count < MostAsked && !_queue.IsEmpty)
        {
            if (_pace.TakeOrWait() is { } wait)
            {
                _wake ??= time.CreateTimer(_ => Wake(), null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
                _wake.Change(wait, Timeout.InfiniteTimeSpan);
                return;
            }
            if (!_queue.TryTake(out JwtAsk? ask)) return;
            ask.Limit!.Dispose();
            var run = Task.Run(ask.Run!);
            _running.Add(run);
            _ = run.ContinueWith(EndOf, CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);
        }

        void EndOf(Task run)
        {
            lock (_lock) _running.Remove(run);
            Wake();
        }
    }

    private void Wake()
    {
        lock (_lock)
        {
            if (!_stop.IsCancellationRequested) StartNext();
        }
    }

    private async Task RunAsync(JwtQuestion question, JwtAsk ask)
    {
        DateTimeOffset asked = time.GetUtcNow();
        try
        {
            IssuedJwt jwt = await issuer.SignJwtAsync(question.Uid, ask.Audience, ask.Token);
            if (jwt.Identity != question.Identity.ToString()) throw new InvalidOperationException($"the controller signed a token of {jwt.Identity} for {question.Identity}");
            lock (_lock)
            {
                _held.Keep(question, jwt, asked, time.GetUtcNow());
                End(question, ask);
            }
            ask.Finish(jwt);
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            RpcException? overload = e is RpcException { StatusCode: StatusCode.ResourceExhausted } full ? full : null;
            lock (_lock)
            {
                // The controller signs too many already, for this node or in all.
                if (overload is not null && TryPutBack(question, ask, RetryPushback.Of(overload))) return;
                if (e is JwtsUnsupportedException) _unsupported = (e.Message, time.GetUtcNow() + UnsupportedFor);
                End(question, ask);
            }
            // As of one whose turn does not come: it is not the workload that has asked for too many.
            ask.Fail(overload is null ? e : new RpcException(new Status(StatusCode.Unavailable, overload.Status.Detail)));
        }
    }

    /// <summary>Has one wait again that the controller has refused for want of time, and all others with it; false: its time is over, or nobody wants it any more.</summary>
    private bool TryPutBack(JwtQuestion question, JwtAsk ask, TimeSpan pushback)
    {
        _pace.Pause(pushback, LongestQueue);
        TimeSpan left = LongestQueue - time.GetElapsedTime(ask.Since);
        if (left <= TimeSpan.Zero || ask.Token.IsCancellationRequested) return false;
        _queue.AddAgain(ask);
        ask.Limit = time.CreateTimer(_ => Expire(question, ask), null, left, Timeout.InfiniteTimeSpan);
        return true;
    }

    private void Leave(JwtQuestion question, JwtAsk ask, bool isLeftRunning)
    {
        lock (_lock)
        {
            ask.IsWantedAnyway |= isLeftRunning;
            if (--ask.Waiting > 0 || ask.IsWantedAnyway || ask.IsEnded) return;

            // Another one that comes for the same asks anew.
            if (_asked.GetValueOrDefault(question) == ask) _asked.Remove(question);
            if (_queue.Remove(ask)) GiveUp(ask);
            else ask.Cancel(); // it has its place until it has ended
        }
    }

    // The controller, or who has asked before, is too slow.
    private void Expire(JwtQuestion question, JwtAsk ask)
    {
        lock (_lock)
        {
            if (!_queue.Remove(ask)) return;
            End(question, ask);
        }
        ask.Fail(new RpcException(new Status(StatusCode.Unavailable, $"the controller could not be asked for it within {LongestQueue.TotalSeconds} s, as the tokens before it take as long")));
    }

    private void GiveUp(JwtAsk ask)
    {
        NoteEnd(ask);
        ask.Fail(new OperationCanceledException("nobody waits for the token any more"));
    }

    private void End(JwtQuestion question, JwtAsk ask)
    {
        if (_asked.GetValueOrDefault(question) == ask) _asked.Remove(question);
        NoteEnd(ask);
    }

    private void NoteEnd(JwtAsk ask)
    {
        ask.Dispose();
        if (--_unfinished[ask.Uid] == 0) _unfinished.Remove(ask.Uid);
    }
}
