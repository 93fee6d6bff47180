using Culvert.NodeAgent.Identity;

namespace Culvert.NodeAgent.WorkloadApi;

/// <summary>A token that is asked for, by all who want the same. Its members are for who holds the lock of <see cref="JwtSvidCache"/>, but for the task, and the end.</summary>
/// <param name="uid">The workload.</param>
/// <param name="audience">For whom the token is to be.</param>
/// <param name="since">When it was first wanted, as the clock's timestamp.</param>
/// <param name="stop">Ends it.</param>
internal sealed class JwtAsk(string uid, string[] audience, long since, CancellationToken stop) : IDisposable
{
    private readonly TaskCompletionSource<IssuedJwt> _result = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly CancellationTokenSource _cancel = CancellationTokenSource.CreateLinkedTokenSource(stop);

    internal string Uid { get; } = uid;

    internal string[] Audience { get; } = audience;

    internal long Since { get; } = since;

    /// <summary>Cancelled when nobody wants it any more.</summary>
    internal CancellationToken Token => _cancel.Token;

    internal Task<IssuedJwt> Task => _result.Task;

    /// <summary>How many wait for it.</summary>
    internal int Waiting { get; set; }

    /// <summary>Whether it goes on also when nobody waits: somebody has what was before, and wants the next one when it asks again.</summary>
    internal bool IsWantedAnyway { get; set; }

    /// <summary>Whether it has come, or won't: it holds nothing any more.</summary>
    internal bool IsEnded { get; private set; }

    /// <summary>Ends it, if it is not its turn in time.</summary>
    internal ITimer? Limit { get; set; }

    /// <summary>Asks.</summary>
    internal Func<Task>? Run { get; set; }

    internal void Cancel() => _cancel.Cancel();

    public void Dispose()
    {
        IsEnded = true;
        Limit?.Dispose();
        _cancel.Dispose();
    }

    internal void Finish(IssuedJwt jwt) => _result.TrySetResult(jwt);

    internal void Fail(Exception failure)
    {
        if (_result.TrySetException(failure)) _ = _result.Task.Exception; // nobody may be waiting
    }
}
