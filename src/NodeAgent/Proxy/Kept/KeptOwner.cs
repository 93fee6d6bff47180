using Culvert.Interop.Sockets;

namespace Culvert.NodeAgent.Proxy.Kept;

/// <summary>A port of a workload of this node whose responses are kept: who comes after it at the same address has another. Thread-safe.</summary>
/// <param name="number">Its number among all that there were; part of the keys of what it said.</param>
/// <param name="uid">The workload.</param>
/// <param name="target">Its address and the port.</param>
internal sealed class KeptOwner(int number, string uid, SocketEndPoint target)
{
    private volatile bool _isGone;

    /// <summary>Its number.</summary>
    internal int Number => number;

    /// <summary>The workload.</summary>
    internal string Uid => uid;

    /// <summary>Its address and the port.</summary>
    internal SocketEndPoint Target => target;

    /// <summary>Whether nothing of it is kept any more, nor will be.</summary>
    internal bool IsGone
    {
        get => _isGone;
        set => _isGone = value;
    }
}
