using Culvert.NodeAgent.Proxy.Loop;
using Culvert.NodeAgent.Proxy.Model;

namespace Culvert.NodeAgent.Proxy.Connections;

/// <summary>One attempt to have a place among the connections to a Service port, which may have to wait. Belongs to its loop's thread.</summary>
/// <param name="loop">The loop.</param>
internal sealed class ConnectionWait(EventLoop loop)
{
    private readonly LoopSignal _signal = new();
    private LinkedListNode<Action>? _place;
    private PortConnections? _port;
    private bool _isCancelled;

    /// <summary>Whether it waits for its place still.</summary>
    internal bool IsWaiting => _place is not null && !_isCancelled;

    /// <summary>Whether it was given up.</summary>
    internal bool IsCancelled => _isCancelled;

    /// <summary>Waits until there is a place, and takes it.</summary>
    /// <param name="port">Where.</param>
    /// <returns>False when it was given up.</returns>
    internal ValueTask<bool> TakeAsync(PortConnections port)
    {
        if (_isCancelled) return new(false);
        _port = port;
        _place = port.TakeOrWait(() => loop.Post(OnGranted)); // comes after this, as work of the loop
        return _place is null ? new(true) : _signal.WaitAsync();
    }

    /// <summary>Nobody needs it any more. Whoever waits goes on in a moment, and not in the middle of what gives it up.</summary>
    internal void Cancel()
    {
        if (_isCancelled) return;
        _isCancelled = true;
        if (_place is not { } place) return;
        if (_port!.Leave(place)) _place = null; // otherwise it has been granted, which is on its way
        loop.Post(() => _signal.Set(false));
    }

    private void OnGranted()
    {
        _place = null;
        if (_isCancelled) _port!.Released();
        else _signal.Set(true);
    }
}
