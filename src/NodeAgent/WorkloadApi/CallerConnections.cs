using Culvert.GrpcHosting;
using Culvert.Interop;
using Culvert.Interop.Sockets;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.Extensions.Logging;

namespace Culvert.NodeAgent.WorkloadApi;

/// <summary>
/// Finds out who has connected, before anything is read, and bounds how many do. One after the other: looking costs system calls, and whoever connects without end is not to cost more than one processor; and of each pod only
/// so many wait for that, so that none keeps others out. The process that has connected is held from when its connection comes until it was looked at: another one that is given its number meanwhile is not taken for it. Thread-safe.
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

    /// <summary>Connections that one process may make at once after a pause, and, after these, <see cref="PerSecond"/>: to find out whose group it is in costs system calls as well, and nobody waits for a turn there.</summary>
    internal const int Burst = 128;

    /// <summary>See <see cref="Burst"/>.</summary>
    internal const int PerSecond = 50;

    // Different reasons that are said in so long, and of those one pod's, whatever users its processes act as; a pod that asks again and again is told of once.
    private const int MostSaid = 64;
    private const int MostSaidOfOne = 4;

    /// <summary>How long a connection waits to be looked at; a look takes a millisecond or a few.</summary>
    internal static readonly TimeSpan LongestWait = TimeSpan.FromSeconds(5);

    private static readonly TimeSpan SaidFor = TimeSpan.FromMinutes(10);
    private static readonly object Key = new();

    private readonly SemaphoreSlim _turn = new(1, 1);
    private readonly SourceRate<int> _rate = new(PerSecond, Burst, time);
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
        using IDisposable? place = found is null ? null : places.TryConnect(found);
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

    // Null: too many wait, or it connects too often.
    private async Task<Attestation?> AttestAsync(ConnectionContext connection)
    {
        if (connection.Features.Get<IConnectionSocketFeature>()?.Socket is not { } socket) return Attestation.Unknown;
        PeerProcess peer;
        try
        {
            peer = PeerProcess.Of(socket.SafeHandle);
        }
        catch (ObjectDisposedException)
        {
            return null; // who has connected is gone
        }
        catch (KernelException e)
        {
            return WithoutPeer(e);
        }
        using (peer) return MayLook(peer) ? await AttestAsync(connection, peer) : null;
    }

    // With more processes than have a bucket each, none of the others is refused for what they do together: to make so many costs more than looking at them.
    private bool MayLook(PeerProcess peer) => _rate.TryTake(peer.Id) || !_rate.HasOwn(peer.Id);

    private Attestation WithoutPeer(KernelException failure)
    {
        bool isKnown = !ResourceShortage.Is(failure);

        // Without its number: what is said of one is not said anew of each that follows.
        Say("", isKnown ? $"the process can't be looked at ({failure.ErrnoName}); it has ended, or is in a process namespace of which this one sees nothing" : $"it can't be found out who it is: {failure.Message}");
        return Attestation.Unknown with { IsKnown = isKnown };
    }

    private async Task<Attestation?> AttestAsync(ConnectionContext connection, PeerProcess peer)
    {
        string group = attestor.GroupOf(peer);
        if (!TryWait(group)) return null;
        try
        {
            using CancellationTokenSource limit = new(LongestWait, time);
            using var ending = CancellationTokenSource.CreateLinkedTokenSource(connection.ConnectionClosed, limit.Token);
            await _turn.WaitAsync(ending.Token);
            try
            {
                return Attest(peer, group);
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

    // In its turn.
    private Attestation Attest(PeerProcess peer, string group)
    {
        try
        {
            AttestedCaller? caller = attestor.Attest(peer, out string reason);
            if (caller is null) Say(group, reason);
            return new Attestation(group, caller, true);
        }
        catch (Exception e) when (e is IOException or ObjectDisposedException)
        {
            Say(group, $"it can't be found out who it is: {e.Message}");
            return new Attestation(group, null, false);
        }
    }

    private void Say(string group, string reason)
    {
        lock (_lock)
        {
            if (_saidSince == 0 || time.GetElapsedTime(_saidSince) > SaidFor)
            {
                _said.Clear();
                _saidSince = time.GetTimestamp();
            }
            if (_said.Count >= MostSaid || _said.Count(s => s.Group == group) >= MostSaidOfOne || !_said.Add((group, reason))) return;
        }
        WorkloadApiLog.NotAttested(logger, reason);
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
