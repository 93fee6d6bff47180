using System.Net.Sockets;
using Culvert.Interop.Abi;
using Culvert.Interop.Bpf;
using Culvert.Interop.Sockets;
using Culvert.NodeAgent.Proxy.Udp;

namespace Culvert.NodeAgent.Datapath;

/// <summary>Looks at what the programs have drawn for datagrams of pods to Services, and has them draw anew (<c>bpf/lib/session.h</c>). Thread-safe.</summary>
/// <param name="sessions">The kernel's sessions.</param>
internal sealed class DatagramDraws(BpfMap<CvFlowKey, CvSession> sessions) : IDatagramDraws
{
    /// <inheritdoc/>
    public SocketEndPoint? FindBackend(in UdpSessionKey session) => session.Space is null ? Find(session.Client, session.Destination, CvSessionFlag.Drawn) : null;

    /// <inheritdoc/>
    public SocketEndPoint? FindService(in SocketEndPoint client, in SocketEndPoint backend) => Find(client, backend, CvSessionFlag.Translated);

    /// <inheritdoc/>
    public void Forget(in UdpSessionKey session, in SocketEndPoint? drawn)
    {
        // What is drawn anew between look and removal is drawn once more, before the proxy has heard of it.
        if (session.Space is not null || Find(session.Client, session.Destination, CvSessionFlag.Drawn) != drawn) return;
        sessions.Delete(Key(session.Client, session.Destination));
        if (drawn is { } backend && FindService(session.Client, backend) == session.Destination) sessions.Delete(Key(session.Client, backend));
    }

    private SocketEndPoint? Find(in SocketEndPoint client, in SocketEndPoint destination, CvSessionFlag kind) =>
        sessions.TryGet(Key(client, destination), out CvSession session) && (session.Flags & (uint)kind) != 0 ? AbiAddress.ToSocketEndPoint(session.Addr, session.Port) : null;

    private static CvFlowKey Key(in SocketEndPoint client, in SocketEndPoint destination) => AbiAddress.FlowKey(client, destination, ProtocolType.Udp);
}
