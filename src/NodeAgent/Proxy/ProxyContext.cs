using Culvert.Core;
using Culvert.Http2;
using Culvert.Interop;
using Culvert.Interop.Sockets;
using Culvert.NodeAgent.Proxy.Connections;
using Culvert.NodeAgent.Proxy.Limits;
using Culvert.NodeAgent.Proxy.Loop;
using Culvert.NodeAgent.Proxy.Tunnel;
using Culvert.NodeAgent.Proxy.Udp;

namespace Culvert.NodeAgent.Proxy;

/// <summary>What everything on one loop shares. Belongs to the loop's thread, but for <see cref="Shared"/>.</summary>
internal sealed class ProxyContext
{
    private long _nextId;
    private PortUnreachableSender? _unreachable;
    private bool _unreachableTried;

    internal ProxyContext(EventLoop loop, ProxyOptions options, ProxyShared shared, in ProxyAgent agent, TimeProvider time)
    {
        Loop = loop;
        Options = options;
        Directory = agent.Directory;
        Observer = agent.Observer;
        Replies = agent.Replies;
        Time = time;
        Shared = shared;
        Udp = new UdpIo(loop, new UdpCounters(), agent.Observer);
        Certificates = new CertificateWaiter(loop, agent.Certificates, options.CertificateTimeout);
        Reporter = new HandshakeReporter(agent.Observer, shared.Failures);
        Handshaker = new TunnelHandshaker(loop, options, Reporter, agent.Certificates, shared.Proofs, time);
        Pool = new TunnelPool(loop, options, agent.Certificates, Certificates, Handshaker, shared, time);
        Guard = new ConnectionGuard(agent.Directory, agent.Authorizer, agent.Observer, time);
        Applications = new ApplicationDialer(loop, options, agent.Observer);
        Protocols = new ProtocolHandlers(loop, new ByteHandler(), new Dictionary<string, IProtocolHandler>());
        _nextId = (long)loop.Index << 48;
    }

    internal EventLoop Loop { get; }

    internal ProxyOptions Options { get; }

    /// <summary>Addresses.</summary>
    internal IProxyDirectory Directory { get; }

    /// <summary>Metrics, logs and flows.</summary>
    internal IProxyObserver Observer { get; }

    /// <summary>Where sessions of datagrams announce the answers they wait for.</summary>
    internal IReplyTable Replies { get; }

    /// <summary>Who may connect, and the connections that run on this loop.</summary>
    internal ConnectionGuard Guard { get; }

    /// <summary>What serves connections.</summary>
    internal ProtocolHandlers Protocols { get; }

    /// <summary>Connects to applications.</summary>
    internal ApplicationDialer Applications { get; }

    /// <summary>What all loops share.</summary>
    internal ProxyShared Shared { get; }

    internal TimeProvider Time { get; }

    /// <summary>Who stands for which client towards which destination, over all loops.</summary>
    internal UdpAnswers Answers => Shared.Answers;

    /// <summary>What this loop's UDP sockets share.</summary>
    internal UdpIo Udp { get; }

    /// <summary>Credentials of this node's identities.</summary>
    internal CertificateWaiter Certificates { get; }

    /// <summary>Who hears of handshakes.</summary>
    internal HandshakeReporter Reporter { get; }

    internal TunnelHandshaker Handshaker { get; }

    internal TunnelPool Pool { get; }

    /// <summary>Headers being written; for use without an await in between.</summary>
    internal HeaderList Headers { get; } = new();

    /// <summary>Room to put a header in front of a datagram; for use without an await in between.</summary>
    internal byte[] HeaderedDatagram => field ??= GC.AllocateUninitializedArray<byte>(1 << 16);

    /// <summary>Connections that run, are being made or are being closed on this loop.</summary>
    internal int Running { get; set; }

    /// <summary>
    /// Places for what a client does by this node's proxy: those of the workload that it is, or, for a load balancer that the destination trusts, of the destination;
    /// others outside the mesh have few.
    /// </summary>
    /// <param name="source">The workload of this node that the client is; null for one outside the mesh.</param>
    /// <param name="client">The client's address.</param>
    /// <param name="trusting">The workload of this node that trusts the client's PROXY headers; null when none does.</param>
    internal BudgetLease LeaseFor(WorkloadInfo? source, in SocketEndPoint client, WorkloadInfo? trusting) =>
        (source ?? trusting) is { } workload
            ? new BudgetLease(Shared.Workloads, BudgetHolder.Of(workload))
            : new BudgetLease(Shared.External, BudgetHolder.Of(client));

    /// <summary>Tells a client that nobody listens where it sends datagrams to, as the destination itself would (ICMP). Nothing is told without CAP_NET_RAW, which is reported once.</summary>
    /// <param name="client">The client.</param>
    /// <param name="destination">Where it sends to.</param>
    internal void TellUnreachable(in SocketEndPoint client, in SocketEndPoint destination)
    {
        if (!Options.Transparent) return;
        if (!_unreachableTried)
        {
            _unreachableTried = true;
            _unreachable = PortUnreachableSender.TryCreate(Options.Mark, out SocketErrno error);
            if (_unreachable is null) Loop.ReportFault(new KernelException("make a raw socket (CAP_NET_RAW) to report closed UDP ports to clients", (int)error));
        }

        // As any ICMP: of no consequence when it does not arrive.
        _ = _unreachable?.Send(client, destination);
    }

    /// <summary>Frees what was made on demand; when the loop ends.</summary>
    internal void Release() => _unreachable?.Dispose();

    /// <summary>A number for a connection.</summary>
    internal long NextId() => ++_nextId;
}
