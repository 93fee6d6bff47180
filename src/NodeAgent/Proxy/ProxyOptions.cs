using System.Net;
using Culvert.Http2;
using Culvert.Interop.Sockets;
using Culvert.NodeAgent.Options;
using Culvert.NodeAgent.Proxy.Http;
using Culvert.NodeAgent.Proxy.Limits;
using Culvert.NodeAgent.Proxy.Transport;

namespace Culvert.NodeAgent.Proxy;

/// <summary>Settings of a <see cref="ProxyServer"/>.</summary>
internal sealed partial record ProxyOptions
{
    /// <summary>Event loops; 0 for one per core.</summary>
    internal int Loops { get; init; }

    /// <summary>Nice value of the loops' threads, -20 to 19; 0 leaves it as it is, lower ones need CAP_SYS_NICE.</summary>
    internal int LoopNice { get; init; }

    /// <summary>How long a loop may look for more before it sleeps, at most; 0: it sleeps at once.</summary>
    internal TimeSpan LoopBusyPoll { get; init; }

    /// <summary>Where captured connections arrive; loop 0 binds the port, further loops bind ports of the kernel's choice.</summary>
    internal IReadOnlyList<SocketEndPoint> OutboundListeners { get; init; } =
        [new(IPAddress.Loopback, ProxyOptionsDefaults.OutboundPort), new(IPAddress.IPv6Loopback, ProxyOptionsDefaults.OutboundPort)];

    /// <summary>Where captured connections arrive that have the address of a backend in the place of a Service's; the same rule for ports.</summary>
    internal IReadOnlyList<SocketEndPoint> BackendListeners { get; init; } = [];

    /// <summary>Where tunnels arrive; the same rule for ports.</summary>
    internal IReadOnlyList<SocketEndPoint> TunnelListeners { get; init; } =
        [new(IPAddress.Loopback, ProxyOptionsDefaults.TunnelPort), new(IPAddress.IPv6Loopback, ProxyOptionsDefaults.TunnelPort)];

    /// <summary>Where captured datagrams arrive behind a PROXY header; the same rule for ports. Empty: the proxy takes no UDP.</summary>
    internal IReadOnlyList<SocketEndPoint> UdpListeners { get; init; } = [];

    /// <summary>Where captured datagrams arrive that have no room for a header; the same rule for ports.</summary>
    internal IReadOnlyList<SocketEndPoint> PlainListeners { get; init; } = [];

    /// <summary>
    /// Whether a captured datagram's header has to agree with the addresses the kernel tells, and nothing may be sent to the
    /// listeners themselves. False only where no BPF programs hand datagrams over.
    /// </summary>
    internal bool CheckCaptured { get; init; } = true;

    /// <summary>How long a UDP session is kept without a datagram.</summary>
    internal TimeSpan UdpIdleTimeout { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>How long a refused UDP session is remembered, before policy and routes are asked again.</summary>
    internal TimeSpan UdpRefusalTime { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>How long a UDP session is refused after a transient failure. An agent restarts within two seconds; its peers should retry sooner than <see cref="UdpRefusalTime"/>.</summary>
    internal TimeSpan UdpRetryTime { get; init; } = TimeSpan.FromMilliseconds(250);

    /// <summary>
    /// How long answers of a UDP session are expected that policy has ended. As long as Linux keeps a flow that waits for its answer (nf_conntrack_udp_timeout).
    /// </summary>
    internal TimeSpan LateAnswerTime { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>
    /// Most UDP sessions at once per loop, refusals that are remembered included. More than there can be sockets for, so that nobody can fill it for others.
    /// </summary>
    internal int MaxUdpSessions { get; init; } = 262_144;

    /// <summary>Most refused UDP sessions remembered at once per loop; then the oldest is forgotten before its time.</summary>
    internal int MaxUdpRefusals { get; init; } = 16_384;

    /// <summary>Whether another port does where a listener's is taken, as by an agent that hands over: the programs find listeners by a map.</summary>
    internal bool AnyPorts { get; init; }

    /// <summary>Ports that a tunnel may not ask for: the proxy's own (a loop, else).</summary>
    internal IReadOnlyList<ushort> ForbiddenPorts { get; init; } = [ProxyOptionsDefaults.OutboundPort, AgentOptionsDefaults.UdpPort, ProxyOptionsDefaults.TunnelPort];

    /// <summary>
    /// Whether listeners and connections use addresses that are not the machine's (IP_TRANSPARENT): true in production, where
    /// the BPF programs hand connections over; false where the proxy runs without them.
    /// </summary>
    internal bool Transparent { get; init; } = true;

    /// <summary>Mark of every packet the proxy sends, by which BPF programs and routing rules know it.</summary>
    internal SocketMark Mark { get; init; } = new(ProxyOptionsDefaults.Mark);

    /// <summary>Time for a TCP connection to be made.</summary>
    internal TimeSpan ConnectTimeout { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>How long a connection waits for its workload's first certificate.</summary>
    internal TimeSpan CertificateTimeout { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>Time for a load balancer's PROXY protocol header; at least 3 seconds, in which a lost segment comes again.</summary>
    internal TimeSpan ProxyHeaderTimeout { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>Time for a TLS handshake with a proxy that was dialled.</summary>
    internal TimeSpan HandshakeTimeout { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>
    /// Time for a TLS handshake with whoever has dialled, from its connection on; enough for a lost segment to come again twice (RFC 6298: after 1 s, then 2).
    /// </summary>
    internal TimeSpan PeerHandshakeTimeout { get; init; } = TimeSpan.FromSeconds(3);

    /// <summary>Most connections at once, over all loops, whose peers have not proven who they are.</summary>
    internal int MaxHandshakes { get; init; } = DescriptorPlan.MostForHandshakes;

    /// <summary>Most of them from one address; a node whose peer has started anew opens all its tunnels at once.</summary>
    internal int MaxHandshakesPerSource { get; init; } = DescriptorPlan.PerSource(DescriptorPlan.MostForHandshakes);

    /// <summary>Most tunnels at once, over all loops, in each direction; one identity has half of them at most.</summary>
    internal int MaxTunnels { get; init; } = DescriptorPlan.MostForTunnels;

    /// <summary>How long streams may go on when the peer of their tunnel may not be believed any more; then they are reset.</summary>
    internal TimeSpan DistrustDrain { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>Time for the peer's proxy to answer CONNECT; longer than its own connect timeout.</summary>
    internal TimeSpan StreamTimeout { get; init; } = TimeSpan.FromSeconds(15);

    /// <summary>How long a tunnel without streams is kept.</summary>
    internal TimeSpan TunnelIdleTimeout { get; init; } = TimeSpan.FromMinutes(5);

    /// <summary>How long a UDP stream of a peer is kept without a datagram; at least two minutes (RFC 9298, section 3.1).</summary>
    internal TimeSpan DatagramStreamIdleTimeout { get; init; } = TimeSpan.FromMinutes(3);

    /// <summary>A tunnel whose peer says nothing and acknowledges nothing for so long ends (TCP_USER_TIMEOUT, and the keep-alive of HTTP/2).</summary>
    internal TimeSpan TunnelTimeout { get; init; } = ProxyOptionsDefaults.TunnelTimeout;

    /// <summary>A tunnel that has not answered a PING for so long takes no new streams until it does.</summary>
    internal TimeSpan TunnelSuspectTime { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>Silence after which the kernel probes an application's connection, captured or dialled; zero: never.</summary>
    internal TimeSpan ApplicationKeepAlive { get; init; } = KeepAlive.DefaultIdle;

    /// <summary>Streams per tunnel before another one is opened.</summary>
    internal int StreamsPerTunnel { get; init; } = ProxyOptionsDefaults.StreamsPerTunnel;

    /// <summary>UDP sessions per tunnel before another one is opened.</summary>
    internal int DatagramStreamsPerTunnel { get; init; } = ProxyOptionsDefaults.DatagramStreamsPerTunnel;

    /// <summary>Tunnels that UDP sessions of one pair are spread over where packets are lost, dealt out over the loops; each has one at least.</summary>
    internal int LossyTunnels { get; init; } = ProxyOptionsDefaults.LossyTunnels;

    /// <summary>
    /// Most sockets at once, over all loops, of connections and UDP sessions that workloads of this node have, captured or out of tunnels. One workload has half of
    /// them at most (<see cref="SharedBudget"/>).
    /// </summary>
    internal int MaxConnections { get; init; } = DescriptorPlan.MostForWorkloads;

    /// <summary>Most sockets at once, over all loops, for clients outside the mesh that have proven nothing; one address has half of them at most.</summary>
    internal int MaxExternal { get; init; } = DescriptorPlan.MostForExternal;

    /// <summary>Most listeners and raw sockets at once in the namespaces of pods that are captured inside them: up to ten per pod and loop.</summary>
    internal int MaxSpaceSockets { get; init; } = DescriptorPlan.MostForSpaces;

    /// <summary>Most UDP sockets at once, over all loops, of one network namespace that have ports of clients or destinations.</summary>
    internal int MaxBoundPorts { get; init; } = BoundPorts.Most;

    /// <summary>Most bytes that may wait for slow applications, over all loops.</summary>
    internal long MaxBufferedBytes { get; init; } = 512L << 20;

    /// <summary>Most bytes of responses that are kept for later requests, over all loops; 0: none are.</summary>
    internal long MaxKeptBytes { get; init; } = AgentOptionsDefaults.ResponseCacheBytes;

    /// <summary>A handshake failure of one peer is logged at most once per this time.</summary>
    internal TimeSpan HandshakeLogInterval { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>Limits of what is read as HTTP.</summary>
    internal HttpOptions Http { get; init; } = new();

    /// <summary>HTTP/2 settings of tunnels.</summary>
    internal Http2Options Http2 { get; init; } = ProxyOptionsDefaults.Http2;
}
