using Culvert.NodeAgent.Proxy.Model;

namespace Culvert.NodeAgent.Proxy.Tunnel;

/// <summary>Whose datagrams wait in a <see cref="DatagramQueue"/>.</summary>
internal interface IWaitingDatagrams
{
    /// <summary>Writes one that has waited into the tunnel's output.</summary>
    /// <returns>False when it cannot go on; <see cref="OnDropped"/> follows.</returns>
    bool TrySendNow(ReadOnlySpan<byte> bytes);

    /// <summary>One that waited is dropped.</summary>
    void OnDropped(DatagramDrop reason);
}
