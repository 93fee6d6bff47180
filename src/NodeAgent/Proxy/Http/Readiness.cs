using System.Runtime.CompilerServices;

namespace Culvert.NodeAgent.Proxy.Http;

/// <summary>
/// One kind of news of a transport, for somebody who is called instead of waiting: a task for each wait would be an allocation for each message. Belongs to its loop's thread.
/// </summary>
internal sealed class Readiness
{
    private readonly Action _onReady;
    private readonly Action<bool> _called;
    private ConfiguredValueTaskAwaitable<bool>.ConfiguredValueTaskAwaiter _wait;

    /// <summary>Makes one.</summary>
    /// <param name="called">Who is called, once for each <see cref="Await"/>, with what the wait has come to; must not throw.</param>
    internal Readiness(Action<bool> called)
    {
        _called = called;
        _onReady = OnReady;
    }

    /// <summary>Whether news is waited for.</summary>
    internal bool IsAwaited { get; private set; }

    /// <summary>Has the user called when it has come. When it is there already, it is called before this returns.</summary>
    /// <param name="news">The wait for it.</param>
    internal void Await(ValueTask<bool> news)
    {
        _wait = news.ConfigureAwait(false).GetAwaiter();
        IsAwaited = true;
        if (_wait.IsCompleted) OnReady();
        else _wait.UnsafeOnCompleted(_onReady);
    }

    private void OnReady()
    {
        IsAwaited = false;
        _called(_wait.GetResult());
    }
}
