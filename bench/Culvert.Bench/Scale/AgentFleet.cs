using System.Collections.Concurrent;
using System.Diagnostics;
using System.Net;
using System.Security.Cryptography.X509Certificates;
using Culvert.Bench.Measuring;
using Culvert.Protocol;

namespace Culvert.Bench.Scale;

/// <summary>The simulated agents of all nodes, and who of them has been told what.</summary>
internal sealed class AgentFleet : IAgentEvents, IAsyncDisposable
{
    private static readonly TimeSpan FullDeadline = TimeSpan.FromMinutes(4);
    private static readonly TimeSpan ChangeDeadline = TimeSpan.FromSeconds(60);

    private readonly IReadOnlyList<SimulatedAgent> _agents;
    private IReadOnlyList<SslClientIdentity> _identities = [];
    private readonly CancellationTokenSource _stop = new();
    private readonly ConcurrentDictionary<string, int> _fed = new(StringComparer.Ordinal);
    private readonly TaskCompletionSource _allFed = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private volatile ChangeWatch? _watch;
    private volatile string _lastFailure = "";
    private Task _running = Task.CompletedTask;
    private long _bytes;
    private int _failures;

    public AgentFleet(ScaleShape shape) => _agents = [.. Enumerable.Range(0, shape.Nodes).Select(n => new SimulatedAgent(n, this))];

    /// <summary>Bytes that all have received.</summary>
    public long Bytes => Interlocked.Read(ref _bytes);

    /// <summary>How often a stream ended or did not begin.</summary>
    public int Failures => Volatile.Read(ref _failures);

    /// <summary>Fewest and most resources of the full snapshots.</summary>
    public (int Fewest, int Most) Resources => (_fed.Values.Min(), _fed.Values.Max());

    /// <summary>Gets each its certificate, by a join token.</summary>
    public async Task JoinAsync(IPEndPoint controller, string state, CancellationToken cancellationToken) => _identities = await NodeJoin.AllAsync(_agents.Count, controller, state, cancellationToken);

    /// <summary>Starts all at once, who must have joined, and returns when each has acknowledged its full snapshot.</summary>
    /// <exception cref="BenchInvalidException">Not in time.</exception>
    public async Task StartAsync(IPEndPoint controller, string state, CancellationToken cancellationToken)
    {
        X509Certificate2Collection roots = NodeJoin.Roots(state);
        _running = Task.WhenAll(_agents.Select((a, n) => Task.Run(() => a.RunAsync(controller, roots, _identities[n], _stop.Token), _stop.Token)));
        await WithinAsync(_allFed.Task, FullDeadline, () => $"{_fed.Count} of {_agents.Count} agents have their snapshot", cancellationToken);
    }

    /// <summary>Makes a change and returns, for each agent whose business it is, how long it took until that had acknowledged it.</summary>
    /// <exception cref="BenchInvalidException">Not in time, or streams have ended meanwhile.</exception>
    public async Task<IReadOnlyList<double>> ObserveAsync(ScaleChange change, CancellationToken cancellationToken)
    {
        int failures = Failures;
        ChangeWatch watch = new(change, Stopwatch.GetTimestamp());
        _watch = watch;
        change.Apply();
        await WithinAsync(watch.All, ChangeDeadline, () => $"{watch.Count} of {change.Nodes.Count} agents have {change.Resource}", cancellationToken);
        _watch = null;
        return Failures == failures ? watch.Seconds : throw new BenchInvalidException($"{Failures - failures} streams ended during a change; the last: {_lastFailure}");
    }

    public void Received(int bytes) => Interlocked.Add(ref _bytes, bytes);

    public void Acked(string node, ReceivedSnapshot response)
    {
        if (response.Full && _fed.TryAdd(node, response.Upserts) && _fed.Count == _agents.Count) _allFed.TrySetResult();
        _watch?.Acked(node, response);
    }

    public void Failed(string node, string reason)
    {
        _lastFailure = $"{node}: {reason}";
        Interlocked.Increment(ref _failures);
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _running.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _stop.Dispose();
    }

    private async Task WithinAsync(Task task, TimeSpan deadline, Func<string> soFar, CancellationToken cancellationToken)
    {
        try
        {
            await task.WaitAsync(deadline, cancellationToken);
        }
        catch (TimeoutException)
        {
            throw new BenchInvalidException($"After {deadline.TotalSeconds} s {soFar()}. Streams that failed: {Failures}; the last: {_lastFailure}");
        }
    }
}
