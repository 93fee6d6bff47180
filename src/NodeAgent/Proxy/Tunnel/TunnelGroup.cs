using Culvert.NodeAgent.Proxy.Loop;
using Culvert.NodeAgent.Proxy.Model;

namespace Culvert.NodeAgent.Proxy.Tunnel;

/// <summary>The tunnels of one key and those who wait for a new one. Belongs to its loop's thread.</summary>
/// <param name="key">The key.</param>
internal sealed class TunnelGroup(TunnelKey key)
{
    private readonly Queue<LoopSignal> _waiters = new();

    /// <summary>The key.</summary>
    internal TunnelKey Key { get; } = key;

    /// <summary>Tunnels that are open, draining ones too.</summary>
    internal List<TunnelConnection> Tunnels { get; } = [];

    /// <summary>Tunnels being made.</summary>
    internal int Connecting { get; set; }

    /// <summary>Those who wait.</summary>
    internal int Waiting => _waiters.Count;

    /// <summary>Why the last attempt failed; None when it succeeded.</summary>
    internal ProxyFailure LastFailure { get; set; }

    /// <summary>When an attempt failed last (<see cref="TimeProvider.GetTimestamp"/>).</summary>
    internal long LastFailureTime { get; set; }

    /// <summary>More words on <see cref="LastFailure"/>.</summary>
    internal string? LastDetail { get; set; }

    /// <summary>When a tunnel was made last only to prove both sides anew (<see cref="TimeProvider.GetTimestamp"/>); 0 for never.</summary>
    internal long LastProof { get; set; }

    /// <summary>
    /// A tunnel with room, made with these credentials: the first, so that others become idle and end, but the emptiest where packets are lost, as each holds up all that
    /// follows it in its tunnel.
    /// </summary>
    internal TunnelConnection? Pick(TlsIdentity identity, int maxStreams)
    {
        bool isLossy = Tunnels.Exists(static t => t.IsLossy);
        TunnelConnection? emptiest = null;
        int least = maxStreams;
        foreach (TunnelConnection tunnel in Tunnels)
        {
            int streams = tunnel.Http2.OpenStreams + tunnel.SettingsWaiters;
            if (streams >= least || !IsUsable(tunnel, identity)) continue;
            if (!isLossy) return tunnel;
            emptiest = tunnel;
            least = streams;
        }

        return emptiest;
    }

    /// <summary>Tunnels made with these credentials that take streams.</summary>
    internal int CountUsable(TlsIdentity identity) => Tunnels.Count(t => IsUsable(t, identity));

    /// <summary>A tunnel that takes another stream, with whichever credentials it was made.</summary>
    internal TunnelConnection? PickAny() => Tunnels.Find(static t => t.CanOpenStream);

    /// <summary>Waits for a tunnel: true to look again, false when none could be made.</summary>
    internal ValueTask<bool> WaitAsync()
    {
        LoopSignal waiter = new();
        _waiters.Enqueue(waiter);
        return waiter.WaitAsync();
    }

    /// <summary>Lets the first of those who wait now look again; whoever finds nothing waits for the next tunnel.</summary>
    internal void Wake(int count)
    {
        for (int left = Math.Min(count, _waiters.Count); left > 0; left--) _waiters.Dequeue().Set(true);
    }

    /// <summary>Tells all who wait now that there will be no tunnel.</summary>
    internal void FailAll()
    {
        for (int left = _waiters.Count; left > 0; left--) _waiters.Dequeue().Set(false);
    }

    private static bool IsUsable(TunnelConnection tunnel, TlsIdentity identity) => ReferenceEquals(tunnel.Parts.Identity, identity) && tunnel.CanOpenStream;
}
