using Culvert.NodeAgent.Proxy.Model;
using Culvert.NodeAgent.Proxy.Transport;
using Culvert.NodeAgent.Proxy.Tunnel;

namespace Culvert.NodeAgent.Tests.Proxy.Datagrams;

/// <summary>Sends back what it gets, and counts.</summary>
internal sealed class EchoSink : IDatagramSink
{
    internal TunnelDatagramStream? Stream { get; set; }

    internal bool Answers { get; set; } = true;

    internal long Count { get; private set; }

    public void OnDatagram(ReadOnlySpan<byte> payload, ushort sourcePort)
    {
        Count++;
        if (Answers) Stream?.Send(payload);
    }

    public void OnIdle()
    {
    }

    public void OnClosed(ProxyFailure failure) => Stream = null;
}
