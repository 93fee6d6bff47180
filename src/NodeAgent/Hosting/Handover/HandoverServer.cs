using System.Net.Sockets;
using Culvert.GrpcHosting;
using Culvert.NodeAgent.Options;
using Culvert.NodeAgent.Proxy;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Culvert.NodeAgent.Hosting.Handover;

/// <summary>
/// Hands the node over to an agent that asks for it, at a socket in the run folder, which no other user can open. From then on this agent carries the connections that it has, and takes new ones only until the next one does.
/// It ends when it is told to, as always; what it has not finished by then is reset.
/// </summary>
/// <param name="options">The agent's.</param>
/// <param name="letGo">Stops all that is one agent's at a time, but for the proxy.</param>
/// <param name="proxy">The proxy.</param>
/// <param name="time">The clock.</param>
/// <param name="logger">The agent's log.</param>
internal sealed class HandoverServer(AgentOptions options, Func<Task> letGo, ProxyServer proxy, TimeProvider time, ILogger logger) : IHostedService, IDisposable
{
    private static readonly TimeSpan LongestQuestion = TimeSpan.FromSeconds(2);

    // After a failure that has to do with the process or the machine, such as a lack of descriptors.
    private static readonly TimeSpan Again = TimeSpan.FromSeconds(1);

    // Some seconds, with a snapshot on disk. As long as it lasts, policy stands still.
    private static readonly TimeSpan LongestStart = TimeSpan.FromMinutes(5);

    // A handshake that began at a listener here ends here: its last segment is there after a round trip.
    private static readonly TimeSpan HandshakesLeft = TimeSpan.FromSeconds(1);

    // Of the time that a supervisor leaves an agent to end, this much is for the next one to begin; the rest is for open connections.
    private static readonly TimeSpan LongestFarewell = TimeSpan.FromSeconds(20);

    private readonly CancellationTokenSource _stop = new();
    private readonly TaskCompletionSource _settled = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource<string> _failed = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private Socket? _listener;
    private Socket? _next;
    private Task _serving = Task.CompletedTask;
    private volatile bool _isHandingOver;

    /// <summary>Completes with words when nobody has the node: the next agent has ended before it worked, or this one could not let go. It should end then, and be started anew.</summary>
    internal Task<string> Failed => _failed.Task;

    /// <summary>Whether another agent can ask for the node, so that the socket for that is there.</summary>
    internal bool IsOffered => _listener is not null && !_isHandingOver && !_stop.IsCancellationRequested;

    /// <inheritdoc/>
    public Task StartAsync(CancellationToken cancellationToken) => StartStep.RunAsync(_ => $"--run-dir {options.RunFolder}", $"stop or remove what is at {options.HandoverSocket}, or give another folder", () =>
    {
        _listener = UnixSocketPath.Bind(options.HandoverSocket);
        _listener.Listen(4);
        _serving = Task.Run(ServeAsync, CancellationToken.None);
        return Task.CompletedTask;
    });

    /// <summary>For an agent that is told to stop: waits for the next one to have the node, where that has asked for it, and not for ever. Before that nobody would take connections.</summary>
    internal async Task SettleAsync()
    {
        if (!_isHandingOver || _settled.Task.IsCompleted) return;
        AgentLog.StoppedWhileHandingOver(logger, LongestFarewell.TotalSeconds);
        await ((Task)_settled.Task.WaitAsync(LongestFarewell, time)).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    /// <inheritdoc/>
    public async Task StopAsync(CancellationToken cancellationToken)
    {
        await _stop.CancelAsync();
        await _serving;
    }

    /// <summary>Closes the connection to the next agent, which takes that for this one's end.</summary>
    public void Dispose()
    {
        _listener?.Dispose();
        _next?.Dispose();
        _stop.Dispose();
    }

    private async Task ServeAsync()
    {
        try
        {
            _next = await AcceptAsync();
            _isHandingOver = true;
            _listener!.Dispose(); // and with it the file, which is the next agent's to make
            await HandOverAsync(_next);
        }
        catch (OperationCanceledException) when (_stop.IsCancellationRequested)
        {
            // Stopping.
        }
        catch (Exception exception) when (exception is IOException or SocketException or UnauthorizedAccessException)
        {
            Fail(exception.Message);
        }
        catch (Exception exception)
        {
            AgentLog.WorkFailed(logger, "handing the node over", exception);
            Fail(exception.Message);
        }
        finally
        {
            _settled.TrySetResult();
        }
    }

    // Whoever asks for the node; nothing that goes wrong before concerns this agent.
    private async Task<Socket> AcceptAsync()
    {
        while (true)
        {
            try
            {
                Socket asking = await _listener!.AcceptAsync(_stop.Token);
                using CancellationTokenSource limit = CancellationTokenSource.CreateLinkedTokenSource(_stop.Token);
                limit.CancelAfter(LongestQuestion);
                if (await HandoverWire.ReceiveAsync(asking, limit.Token) == HandoverStep.TakeOver) return asking;
                asking.Dispose();
            }
            catch (SocketException exception)
            {
                AgentLog.HandoverUnheard(logger, exception.Message);
                await Task.Delay(Again, time, _stop.Token);
            }
        }
    }

    private async Task HandOverAsync(Socket next)
    {
        AgentLog.HandingOver(logger);
        await letGo();
        await HandoverWire.SendAsync(next, HandoverStep.Yours, _stop.Token);
        if (!await ExpectAsync(next, HandoverStep.Ready)) return;
        await proxy.GiveUpDatagramsAsync();
        await HandoverWire.SendAsync(next, HandoverStep.Go, _stop.Token);
        if (!await ExpectAsync(next, HandoverStep.Done)) return;
        proxy.RetireTunnels();
        AgentLog.HandedOver(logger);
        await Task.Delay(HandshakesLeft, time, _stop.Token);
        proxy.Retire();
    }

    private async Task<bool> ExpectAsync(Socket next, HandoverStep step)
    {
        using CancellationTokenSource limit = CancellationTokenSource.CreateLinkedTokenSource(_stop.Token);
        limit.CancelAfter(LongestStart);
        if (await HandoverWire.ReceiveAsync(next, limit.Token) == step) return true;
        _stop.Token.ThrowIfCancellationRequested();
        Fail(limit.IsCancellationRequested ? $"the agent that took over does not work after {LongestStart.TotalMinutes} minutes" : "the agent that took over has ended before it worked");
        return false;
    }

    private void Fail(string reason)
    {
        AgentLog.HandoverFailed(logger, reason);
        _failed.TrySetResult("handing the node over");
    }
}
