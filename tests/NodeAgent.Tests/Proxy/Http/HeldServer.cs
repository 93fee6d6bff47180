using Microsoft.AspNetCore.Http;

namespace Culvert.NodeAgent.Tests.Proxy.Http;

/// <summary>What a server does that answers when it is told to, and tells when a request is given up.</summary>
/// <param name="name">What it answers.</param>
internal sealed class HeldServer(string name) : IDisposable
{
    private readonly SemaphoreSlim _arrived = new(0);
    private readonly SemaphoreSlim _aborted = new(0);
    private readonly TaskCompletionSource<int> _answer = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private int _count;

    /// <summary>How many requests have come.</summary>
    internal int Count => Volatile.Read(ref _count);

    internal async Task ServeAsync(HttpContext context)
    {
        Interlocked.Increment(ref _count);
        _arrived.Release();
        try
        {
            int status = await _answer.Task.WaitAsync(context.RequestAborted);
            if (status == 0)
            {
                context.Abort();
                return;
            }

            context.Response.StatusCode = status;
            await context.Response.WriteAsync(name);
        }
        catch (OperationCanceledException)
        {
            _aborted.Release();
        }
    }

    /// <summary>Waits until another request has come.</summary>
    internal async Task ArrivedAsync() => Assert.True(await _arrived.WaitAsync(TimeSpan.FromSeconds(20)), $"{name} has had no request");

    /// <summary>Waits until another was given up.</summary>
    internal async Task AbortedAsync() => Assert.True(await _aborted.WaitAsync(TimeSpan.FromSeconds(20)), $"no request was given up at {name}");

    /// <summary>Has all be answered.</summary>
    /// <param name="status">With what; 0: their connections break.</param>
    internal void Answer(int status = 200) => _answer.TrySetResult(status);

    public void Dispose()
    {
        _answer.TrySetResult(0);
        _arrived.Dispose();
        _aborted.Dispose();
    }
}
