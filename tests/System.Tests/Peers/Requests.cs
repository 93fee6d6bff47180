using System.Net;
using Culvert.Labs;
using Culvert.Tests.Shared;

namespace Culvert.SystemTests.Peers;

/// <summary>An honest client: one connection after the other, each with one question and its answer, until it is told to stop.</summary>
internal sealed class Requests : IAsyncDisposable
{
    private readonly CancellationTokenSource _stop = new();
    private readonly Task _running;
    private volatile int _done;

    private Requests(LabNamespace from, IPEndPoint to) => _running = Task.Run(() => RunAsync(from, to));

    /// <summary>How many were answered.</summary>
    public int Done => _done;

    /// <summary>What went wrong with the others.</summary>
    public List<Exception> Failures { get; } = [];

    /// <summary>Starts; what is at the other end has to echo.</summary>
    public static Requests Start(LabNamespace from, IPEndPoint to) => new(from, to);

    /// <summary>Waits until so many more have been answered, or one has failed.</summary>
    public Task MoreAsync(int count)
    {
        var goal = _done + count;
        return LabWait.UntilAsync($"{count} more requests are answered", () => _done >= goal || _running.IsCompleted, TimeSpan.FromSeconds(30));
    }

    /// <summary>Ends and writes, for a limit that was driven to its end, the line that says what these clients saw of it. None of their requests may have failed.</summary>
    /// <param name="what">What was exhausted.</param>
    /// <param name="howFar">By how much.</param>
    /// <param name="others">The clients.</param>
    public static async Task ReportAsync(string what, string howFar, params IReadOnlyList<Requests> others)
    {
        foreach (var requests in others)
        {
            await requests.StopAsync();
        }

        var failures = others.SelectMany(r => r.Failures).ToList();
        Assert.True(failures.Count == 0, $"{what}: {string.Join("; ", failures)}");
        ExhaustLine.Write(what, howFar, others.Sum(r => r.Done), failures.Count);
    }

    /// <summary>Lets the one under way end.</summary>
    public async Task StopAsync()
    {
        await _stop.CancelAsync();
        await _running;
    }

    public async ValueTask DisposeAsync()
    {
        await StopAsync();
        _stop.Dispose();
    }

    private async Task RunAsync(LabNamespace from, IPEndPoint to)
    {
        var buffer = new byte[64];
        while (!_stop.IsCancellationRequested && Failures.Count == 0)
        {
            try
            {
                using var socket = await PeerServer.ConnectAsync(from, to);
                await PeerServer.SendAllAsync(socket, buffer);
                if (await socket.ReceiveAsync(buffer).WaitAsync(TimeSpan.FromSeconds(10)) == 0)
                {
                    throw new IOException("the connection ended without an answer");
                }

                _done++;
            }
            catch (Exception e)
            {
                Failures.Add(e);
            }
        }
    }
}
