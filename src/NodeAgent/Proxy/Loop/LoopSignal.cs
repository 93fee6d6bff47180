using System.Threading.Tasks.Sources;

namespace Culvert.NodeAgent.Proxy.Loop;

/// <summary>
/// One awaitable event, used again and again: one waiter at a time, which continues inline on the loop that sets it. Belongs
/// to its loop's thread; nothing is allocated per wait.
/// </summary>
internal sealed class LoopSignal : IValueTaskSource<bool>
{
    private ManualResetValueTaskSourceCore<bool> _core;
    private bool _waiting;

    /// <summary>Whether somebody waits.</summary>
    internal bool IsWaiting => _waiting;

    /// <summary>Waits for the next <see cref="Set"/>; the result is what it was given.</summary>
    internal ValueTask<bool> WaitAsync()
    {
        if (_waiting) throw new InvalidOperationException("Somebody waits for this signal already.");
        _core.Reset();
        _waiting = true;
        return new ValueTask<bool>(this, _core.Version);
    }

    /// <summary>Lets the waiter go on, before this call returns. Without a waiter nothing happens.</summary>
    /// <param name="value">What the waiter gets: by convention true to go on, false because the thing waited for is gone.</param>
    internal void Set(bool value)
    {
        if (!_waiting) return;
        _waiting = false;
        _core.SetResult(value);
    }

    bool IValueTaskSource<bool>.GetResult(short token) => _core.GetResult(token);

    ValueTaskSourceStatus IValueTaskSource<bool>.GetStatus(short token) => _core.GetStatus(token);

    void IValueTaskSource<bool>.OnCompleted(Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
        _core.OnCompleted(continuation, state, token, flags);
}
