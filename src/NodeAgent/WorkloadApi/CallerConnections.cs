using System.Net.Sockets;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.Extensions.Logging;

namespace Culvert.NodeAgent.WorkloadApi;

/// <summary>
/// Finds out who has connected, before anything is read, and bounds how many do. One after the other: looking costs system calls, and whoever connects without end is not to cost more than one processor; and of each pod only
/// so many wait for that, so that none keeps others out. Thread-safe.
/// </summary>
/// <param name="attestor">Finds out.</param>
/// <param name="places">The bounds.</param>
/// <param name="time">The clock.</param>
/// <param name="logger">Where it is said who has no identity here, and why.</param>
internal sealed class CallerConnections(IWorkloadAttestor attestor, CallerPlaces places, TimeProvider time, ILogger logger) : IDisposable
{
    /// <summary>Most connections of all, those that were not looked at yet included.</summary>
    internal const int Most = 4096;

    /// <summary>Most connections of one pod that were not looked at yet.</summary>
    internal const int MostWaiting = 16;

    // Different reasons that are said in so long, and of those one pod's, whatever users its processes act as; a pod that asks again and again is told of once.
    private const int MostSaid = 64;
    private const int MostSaidOfOne = 4;

    /// <summary>How long a connection waits to be looked at; a look takes a millisecond or a few.</summary>
    internal static readonly TimeSpan LongestWait = TimeSpan.FromSeconds(5);

    private static readonly TimeSpan SaidFor = TimeSpan.FromMinutes(10);
    private static readonly object Key = new();

    private readonly SemaphoreSlim _turn = new(1, 1);
    private readonly Lock _lock = new();
    private readonly Dictionary<string, int> _waiting = new(StringComparer.Ordinal);
    private readonly HashSet<(string Group, string Reason)> _said = [];
    private long _saidSince;

    /// <summary>Connections that were not looked at yet.</summary>
    internal int Waiting
    {
        get
        {
            lock (_lock) return _waiting.Values.Sum();
        }
    }

    /// <summary>Who has made a connection.</summary>
    /// <param name="connection">Items of the connection.</param>
    internal static Attestation CallerOf(IConnectionItemsFeature? connection) => connection?.Items.TryGetValue(Key, out object? found) == true && found is Attestation attestation ? attestation : Attestation.Unknown;

    /// <summary>Serves a connection.</summary>
    internal async Task ServeAsync(ConnectionContext connection, ConnectionDelegate next)
    {
        Attestation? found = await AttestAsync(connection);
        using IDisposable? place = found is null ? null : places.TryConnect(found.Uid);
        if (place is null)
        {
            connection.Abort(new ConnectionAbortedException("too many connections"));
            return;
        }
        connection.Items[Key] = found!;
        await FilteredInput.ServeAsync(connection, next);
    }

    /// <inheritdoc/>
    public void Dispose() => _turn.Dispose();

    // Null: too many wait.
    private async Task<Attestation?> AttestAsync(ConnectionContext connection)
    {
        if (connection.Features.Get<IConnectionSocketFeature>()?.Socket is not { } socket) return Attestation.Unknown;
        string group;
        try
        {
            group = attestor.GroupOf(socket);
        }
        catch (ObjectDisposedException)
        {
            return null; // who has connected is gone
        }
        if (!TryWait(group)) return null;
        try
        {
            using CancellationTokenSource limit = new(LongestWait, time);
            using var ending = CancellationTokenSource.CreateLinkedTokenSource(connection.ConnectionClosed, limit.Token);
            await _turn.WaitAsync(ending.Token);
            try
            {
                return Attest(socket, group);
            }
            finally
            {
                _turn.Release();
            }
        }
        catch (OperationCanceledException)
        {
            return null; // who has connected is gone, or others take too long
        }
        finally
        {
            EndWait(group);
        }
    }

    // In its turn, as what follows.
    private Attestation Attest(Socket socket, string group)
    {
        try
        {
            AttestedCaller? caller = attestor.Attest(socket, out string reason);
            if (caller is null) Say(group, reason);
            return new Attestation(caller, true);
        }
        catch (Exception e) when (e is IOException or ObjectDisposedException)
        {
            Say(group, $"it can't be found out who it is: {e.Message}");
            return Attestation.Unknown;
        }
    }

    private void Say(string group, string reason)
    {
        if (_saidSince == 0 || time.GetElapsedTime(_saidSince) > SaidFor)
        {
            _said.Clear();
            _saidSince = time.GetTimestamp();
        }
        if (_said.Count < MostSaid && _said.Count(s => s.Group == group) < MostSaidOfOne && _said.Add((group, reason))) WorkloadApiLog.NotAttested(logger, reason);
    }

    private bool TryWait(string group)
    {
        lock (_lock)
        {
            int waiting = _waiting.GetValueOrDefault(group);
            if (waiting >= MostWaiting) return false;
            _waiting[group] = waiting + 1;
            return true;
        }
    }

    private void EndWait(string group)
    {
        lock (_lock)
        {
            if (--_waiting[group] == 0) _waiting.Remove(group);
        }
    }
}
