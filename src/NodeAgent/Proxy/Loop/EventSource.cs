using Culvert.Interop.Sockets;

namespace Culvert.NodeAgent.Proxy.Loop;

/// <summary>Something registered with a loop's epoll instance. Belongs to its loop's thread.</summary>
internal abstract class EventSource
{
    /// <summary>Place in the loop's table; -1 when not registered.</summary>
    internal int Slot { get; set; } = -1;

    /// <summary>Called on the loop when readiness changed. Must not block and must not throw.</summary>
    /// <param name="events">What is ready now.</param>
    internal abstract void OnReady(EpollEvents events);
}
