using Culvert.Interop.Netlink;

namespace Culvert.NodeAgent.Proxy.Model;

/// <summary>
/// The network namespace of a pod that is captured inside it: the proxy's sockets that speak with the pod, or for it, are there. Two are equal when they are the same object: a pod whose namespace is
/// made anew has another. Safe for several threads.
/// </summary>
/// <param name="number">What the kernel's programs know it by: 1 to 4095.</param>
/// <param name="ns">The namespace; open for as long as the space is. Not disposed with this object.</param>
/// <param name="uid">The workload.</param>
internal sealed class PodSpace(ushort number, NetworkNamespace ns, string uid)
{
    private volatile bool _isClosed;

    /// <summary>What the kernel's programs know it by; 0 is the node's own namespace, which is no object of this kind.</summary>
    internal ushort Number => number;

    /// <summary>The namespace.</summary>
    internal NetworkNamespace Namespace => ns;

    /// <summary>The workload.</summary>
    internal string Uid => uid;

    /// <summary>Whether the proxy has given it up: nothing is opened there any more.</summary>
    internal bool IsClosed => _isClosed;

    /// <summary>The number of a space; null: the node's.</summary>
    internal static ushort NumberOf(PodSpace? space) => space?.Number ?? 0;

    /// <summary>The proxy gives it up.</summary>
    internal void Close() => _isClosed = true;
}
