using Culvert.NodeAgent.Proxy.Loop;

namespace Culvert.NodeAgent.Proxy.Tunnel;

/// <summary>The tunnels of one key and those who wait for a new one. Belongs to its loop's thread.</summary>
/// <param name="key">The key.</param>
internal sealed class TunnelGroup(TunnelKey key)
{
    private List<LoopSignal> _waiters = [];
    private List<LoopSignal> _spare = [];

    /// <summary>The key.</summary>
    internal TunnelKey Key { get; } = key;

    /// <summary>Tunnels that are open, draining ones too.</summary>
    internal List<TunnelConnection> Tunnels { get; } = [];

    /// <summary>Whether a tunnel is being made.</summary>
    internal bool IsConnecting { get; private set; }

    /// <summary>Why the last attempt failed; None when it succeeded.</summary>
    internal ProxyFailure LastFailure { get; set; }

    /// <summary>A tunnel with room, made with these credentials.</summary>
    internal TunnelConnection? Pick(TlsIdentity identity, int maxStreams)
    {
        foreach (TunnelConnection tunnel in Tunnels)
        {
            if (ReferenceEquals(tunnel.Parts.Identity, identity) && tunnel.Http2.CanOpenStream && tunnel.Http2.OpenStreams < maxStreams) return tunnel;
        }

        return null;
    }

    internal void BeginConnect()
    {
        IsConnecting = true;
        LastFailure = ProxyFailure.TunnelReset;
    }

    internal void EndConnect()
    {
        IsConnecting = false;
        (_waiters, _spare) = (_spare, _waiters);
        foreach (LoopSignal waiter in _spare) waiter.Set(true);
        _spare.Clear();
    }

    internal ValueTask<bool> WaitAsync()
    {
        LoopSignal waiter = new();
        _waiters.Add(waiter);
        return waiter.WaitAsync();
    }
}
