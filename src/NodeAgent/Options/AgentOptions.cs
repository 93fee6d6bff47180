using System.Net;
using Culvert.Core;
using Culvert.NodeAgent.WorkloadApi;
using Culvert.Protocol;

namespace Culvert.NodeAgent.Options;

/// <summary>
/// Everything one agent needs to know at start. Defaults suit one agent on one machine; every path, port and mark can be
/// changed so that several agents share a machine.
/// </summary>
public sealed record AgentOptions
{
    private const uint MaxRulePriority = 32_763;

    // sun_path of unix(7), without the byte that ends it.
    private const int LongestSocketPath = 107;

    /// <summary>Name of the node as the controller knows it. Default: the host name.</summary>
    public string NodeName { get; init; } = Environment.MachineName.ToLowerInvariant();

    /// <summary>A mounted bpffs folder; pins go to <c>v&lt;abi&gt;</c> below it.</summary>
    public string BpfFolder { get; init; } = AgentOptionsDefaults.BpfFolder;

    /// <summary>Folder for sockets, mode 0700; gone after a reboot.</summary>
    public string RunFolder { get; init; } = AgentOptionsDefaults.RunFolder;

    /// <summary>Folder for what must outlive a restart: last good snapshot, node certificate, ids.</summary>
    public string StateFolder { get; init; } = AgentOptionsDefaults.StateFolder;

    /// <summary>Controller address: <c>https://host:port</c> or <c>unix:///path</c>.</summary>
    public Uri Controller { get; init; } = new(AgentOptionsDefaults.Controller);

    /// <summary>PEM file with the root certificates that the controller's certificate must chain to. Not used on a Unix socket.</summary>
    public string? BootstrapRootsFile { get; init; }

    /// <summary>File with the join token; read when the node has no certificate yet.</summary>
    public string? JoinTokenFile { get; init; }

    /// <summary>The Workload API that gives the node its own certificate, which it shows to the controller, and the roots that the controller's leads to; null: the controller gives it, for a token.</summary>
    public SpiffeEndpoint? SpireWorkloadApi { get; init; }

    /// <summary>The admin socket of the SPIRE agent of this machine, which gives the workloads' certificates and the bundle of roots for tunnels; null: the controller does.</summary>
    public SpiffeEndpoint? SpireAgent { get; init; }

    /// <summary>The selectors by which a SPIRE agent is asked for a workload's certificate. Empty: <see cref="SelectorTemplate.Defaults"/>.</summary>
    public IReadOnlyList<SelectorTemplate> SpireSelectors { get; init; } = [];

    /// <summary>Path of the socket at which the Workload API is served to applications of this node's pods; mode 0777, as who connects is found out by the kernel's word. Null: it is not served.</summary>
    public string? WorkloadApi { get; init; }

    /// <summary>Of which kind the keys of workloads are that the agent makes; those of before are in use until they are renewed.</summary>
    public KeyKind WorkloadKey { get; init; } = KeyKind.P256;

    /// <summary>Whether cryptography is of OpenSSL's FIPS provider alone.</summary>
    public bool Fips { get; init; }

    /// <summary>Interfaces that lead to other nodes. Empty: every link with a global address on a subnet, or with routes to pods of other nodes, that is no pod's and no bridge of pods.</summary>
    public IReadOnlyList<string> Uplinks { get; init; } = [];

    /// <summary>Where <c>/metrics</c> is served; null: at port 15020 of 127.0.0.1 and of the uplinks' addresses. Never asked for by pods, unless <see cref="MetricsAllow"/> says so.</summary>
    public IPEndPoint? Metrics { get; init; }

    /// <summary>Where <c>/ready</c> and <c>/live</c> are served; null: at port 15021 of the same addresses. The same holds for pods.</summary>
    public IPEndPoint? Readiness { get; init; }

    /// <summary>Networks that may ask for metrics and readiness although pods are in them.</summary>
    public IReadOnlyList<IpPrefix> MetricsAllow { get; init; } = [];

    /// <summary>File with the bearer tokens, one on each line, of which <c>/metrics</c> wants one; null: it wants none.</summary>
    public string? MetricsTokenFile { get; init; }

    /// <summary>How many event loops the proxy runs; 0: one per core.</summary>
    public int Loops { get; init; }

    /// <summary>
    /// Nice value of the event loops, -20 to 19. Every pod's traffic waits when one of them waits for a processor, so by default they go before
    /// the pods' own work; that needs CAP_SYS_NICE.
    /// </summary>
    public int LoopNice { get; init; } = AgentOptionsDefaults.LoopNice;

    /// <summary>
    /// How long an event loop that had something to do may poll for more before it sleeps, 0 to 1,000 us. It polls only while that finds something, and
    /// while nobody else needs the processor; 0: it sleeps at once.
    /// </summary>
    public TimeSpan LoopBusyPoll { get; init; } = AgentOptionsDefaults.LoopBusyPoll;

    /// <summary>Most bytes of responses that are kept for later requests, where TrafficPolicies ask for that, for all pods of the node together: up to 64 GiB; 0: none are kept.</summary>
    public long ResponseCacheBytes { get; init; } = AgentOptionsDefaults.ResponseCacheBytes;

    /// <summary>Port of the first capture listener on 127.0.0.1 and ::1.</summary>
    public ushort OutboundPort { get; init; } = AgentOptionsDefaults.OutboundPort;

    /// <summary>Port of the first capture socket for UDP on 127.0.0.1 and ::1.</summary>
    public ushort UdpPort { get; init; } = AgentOptionsDefaults.UdpPort;

    /// <summary>Port of the tunnel (HBONE) on workload addresses.</summary>
    public ushort TunnelPort { get; init; } = AgentOptionsDefaults.TunnelPort;

    /// <summary>Routing table whose only routes deliver captured packets locally.</summary>
    public uint RouteTable { get; init; } = AgentOptionsDefaults.RouteTable;

    /// <summary>The two bits of packets' marks that are this agent's. Another agent of the same network namespace may have the same, or two others.</summary>
    public PacketMarks Marks { get; init; } = PacketMarks.Default;

    /// <summary>Priority of the first of three ip rules that follow each other, 1 to 32,763: before those of others, and before the kernel's own for the main table (32,766).</summary>
    public uint RulePriority { get; init; } = AgentOptionsDefaults.RulePriority;

    /// <summary>Entries of the kernel's flow table, two per connection.</summary>
    public uint FlowTableSize { get; init; } = AgentOptionsDefaults.FlowTableSize;

    /// <summary>How long a stopping agent lets proxied connections finish.</summary>
    public TimeSpan DrainDeadline { get; init; } = AgentOptionsDefaults.DrainDeadline;

    /// <summary>How long a UDP session without datagrams is kept, 1 to 3,600 s.</summary>
    public TimeSpan UdpIdleTimeout { get; init; } = AgentOptionsDefaults.UdpIdleTimeout;

    /// <summary>How long a tunnel outlives its peer's silence, 10 s to a day: connections in it survive an outage of the network that is shorter.</summary>
    public TimeSpan TunnelTimeout { get; init; } = AgentOptionsDefaults.TunnelTimeout;

    /// <summary>Silence after which the kernel probes an application at the other end of a proxied connection, up to a day; zero: never.</summary>
    public TimeSpan KeepAlive { get; init; } = AgentOptionsDefaults.KeepAlive;

    /// <summary>Folder with the configuration of the CNI; there need be none.</summary>
    public string CniFolder { get; init; } = AgentOptionsDefaults.CniFolder;

    /// <summary>Folder that the container runtime takes CNI plugins from: the agent puts its own there, and into the configuration in <see cref="CniFolder"/>. Null: it does not.</summary>
    public string? CniProgramFolder { get; init; }

    /// <summary>The CNI plugin's program that is put there: one that runs by itself.</summary>
    public string CniPlugin { get; init; } = Path.Combine(AppContext.BaseDirectory, "culvert-cni");

    /// <summary>When the XDP program is used.</summary>
    public XdpUse Xdp { get; init; } = XdpUse.Auto;

    /// <summary>Where pods are captured.</summary>
    public CaptureUse Capture { get; init; } = CaptureUse.Auto;

    /// <summary>Whether the PROXY v2 headers that the programs put before datagrams carry a CRC32C, which the proxy checks.</summary>
    public bool UdpHeaderChecksum { get; init; }

    /// <summary>The compiled datapath object; <c>xdp.bpf.o</c> lies beside it.</summary>
    public string DatapathObject { get; init; } = Path.Combine(AppContext.BaseDirectory, "bpf", "tc.bpf.o");

    /// <summary>Print every connection as one line of JSON on standard output.</summary>
    public bool AccessLog { get; init; }

    /// <summary>The file that the access log of HTTP requests is written to, where the mesh's settings ask for one; null: standard output.</summary>
    public string? AccessLogFile { get; init; }

    /// <summary>From which size on, in bytes, another file is begun: 1 MiB to 1 TiB.</summary>
    public long AccessLogFileSize { get; init; } = AgentOptionsDefaults.AccessLogFileSize;

    /// <summary>How many files of the access log there are at most, the one that is written included: 1 to 100.</summary>
    public int AccessLogFiles { get; init; } = AgentOptionsDefaults.AccessLogFiles;

    /// <summary>Take the node over from an agent that runs, where one does, in place of refusing to start beside it.</summary>
    public bool TakeOver { get; init; }

    /// <summary>A file that is made when this agent has the node, and not before; for who waits for it beside another agent. Null: none.</summary>
    public string? StartedFile { get; init; }

    /// <summary>Path of the socket at which the node is handed over, mode 0600.</summary>
    public string HandoverSocket => Path.Combine(RunFolder, "handover.sock");

    /// <summary>Path of the admin socket, mode 0600.</summary>
    public string AdminSocket => Path.Combine(RunFolder, "agent.sock");

    /// <summary>Path of the socket that the CNI plugin asks, mode 0600.</summary>
    public string CniSocket => Path.Combine(RunFolder, "cni.sock");

    /// <summary>Reports every problem of these options at once; empty when they can be used.</summary>
    public IReadOnlyList<string> Validate()
    {
        List<string> problems = [];
        if (!IsDnsName(NodeName)) problems.Add($"--node: '{NodeName}' is not a DNS name, as spec.node of a workload is: at most 253 lower-case letters, digits, '-' and '.', each part with a letter or digit at both ends");
        if (Controller.Scheme is not ("https" or "unix")) problems.Add($"--controller: {Controller} is neither https:// nor unix://");
        if (SpireWorkloadApi is not null && Controller.Scheme != "https") problems.Add($"--spire-workload-api: {Controller} is no https://, and a controller asks for no certificate at its own socket");
        if (SpireWorkloadApi is not null && BootstrapRootsFile is not null) problems.Add("--bootstrap-roots: not with --spire-workload-api, which says who the controller is");
        if (SpireWorkloadApi is not null && JoinTokenFile is not null) problems.Add("--join-token-file: not with --spire-workload-api, by which a node needs no token");
        if (Controller.Scheme == "https" && BootstrapRootsFile is null && SpireWorkloadApi is null) problems.Add("--bootstrap-roots: needed to recognise a controller reached over https, unless --spire-workload-api is given");
        if (BootstrapRootsFile is not null && !File.Exists(BootstrapRootsFile)) problems.Add($"--bootstrap-roots: {BootstrapRootsFile} does not exist");
        if (SpireAgent is { SocketPath: null }) problems.Add($"--spire-agent: {SpireAgent} is no Unix socket, and SPIRE serves the Delegated Identity API at one only: give unix:///PATH, its admin_socket_path");
        if (SpireAgent is null && SpireSelectors.Count > 0) problems.Add("--spire-selector: needs --spire-agent, whose workloads it selects");
        if (WorkloadApi is { } socket && PlacedSocket.Check(socket, LongestSocketPath) is { } unfit) problems.Add($"--workload-api: {socket} {unfit}");
        if (WorkloadApi is not null && Path.GetDirectoryName(WorkloadApi) is { } open && (open == Path.GetFullPath(RunFolder) || open == Path.GetFullPath(StateFolder)))
            problems.Add($"--workload-api: {WorkloadApi} is in a folder of the agent's own; give one in a folder for applications, such as {AgentOptionsDefaults.WorkloadApi}");
        if (WorkloadApi is not null && SpireAgent is not null) problems.Add("--workload-api: not with --spire-agent; SPIRE's agent serves applications itself, at its own socket");
        if (SpireAgent is not null && WorkloadKey != KeyKind.P256) problems.Add("--workload-key: not with --spire-agent, which makes the keys: workload_x509_svid_key_type of its configuration says of which kind");
        if (!File.Exists(DatapathObject)) problems.Add($"--datapath-object: {DatapathObject} does not exist; build it with `make build`");
        if (AccessLogFile is { } log && !Directory.Exists(Path.GetDirectoryName(Path.GetFullPath(log)))) problems.Add($"--access-log-file: the folder of {log} does not exist");
        if (AccessLogFileSize is < (1L << 20) or > (1L << 40)) problems.Add($"--access-log-mib: {AccessLogFileSize >> 20} is not between 1 and 1048576");
        if (AccessLogFiles is < 1 or > 100) problems.Add($"--access-log-files: {AccessLogFiles} is not between 1 and 100");
        if (Loops is < 0 or > 64) problems.Add($"--loops: {Loops} is not between 0 and 64");
        if (LoopBusyPoll < TimeSpan.Zero || LoopBusyPoll > TimeSpan.FromMilliseconds(1)) problems.Add($"--loop-busy-poll-us: {LoopBusyPoll.TotalMicroseconds} is not between 0 and 1000");
        if (ResponseCacheBytes is < 0 or > (64L << 30)) problems.Add($"--response-cache-bytes: {ResponseCacheBytes} is not between 0 and {64L << 30}");
        if (LoopNice is < -20 or > 19) problems.Add($"--loop-nice: {LoopNice} is not between -20 and 19");
        if (OutboundPort == 0 || TunnelPort == 0 || OutboundPort == TunnelPort) problems.Add("--outbound-port and --tunnel-port must be two different ports, not 0");
        if (UdpPort == 0 || UdpPort == TunnelPort) problems.Add("--udp-port must be a port other than --tunnel-port, not 0");
        if (RouteTable is 0 or 253 or 254 or 255) problems.Add($"--route-table: {RouteTable} belongs to the kernel");
        if (!Marks.IsValid) problems.Add($"--mark-mask: {Marks} is not a mask of two bits, such as {PacketMarks.Default}");
        if (RulePriority is 0 or > MaxRulePriority) problems.Add($"--rule-priority: {RulePriority} is not between 1 and {MaxRulePriority}");
        if (FlowTableSize is < 1024 or > 16_777_216) problems.Add($"--flow-table-size: {FlowTableSize} is not between 1,024 and 16,777,216");
        if (CniProgramFolder is not null && !File.Exists(CniPlugin)) problems.Add($"--cni-plugin: {CniPlugin} does not exist; build it with `make plugin`");
        else if (CniProgramFolder is not null && File.Exists(CniPlugin + ".dll")) problems.Add($"--cni-plugin: {CniPlugin} does not run by itself, it needs the files beside it; give the one that `make plugin` makes");
        if (DrainDeadline < TimeSpan.Zero) problems.Add("--drain-seconds: must not be negative");
        if (TunnelTimeout.TotalSeconds is not (>= 10 and <= 86_400)) problems.Add($"--tunnel-timeout-seconds: {TunnelTimeout.TotalSeconds} is not between 10 and 86,400");
        if (KeepAlive.TotalSeconds is not (0 or (>= 1 and <= 86_400))) problems.Add($"--keepalive-seconds: {KeepAlive.TotalSeconds} is neither 0 nor between 1 and 86,400");
        if (UdpIdleTimeout.TotalSeconds is not (>= 1 and <= 3600)) problems.Add($"--udp-idle-seconds: {UdpIdleTimeout.TotalSeconds} is not between 1 and 3,600");
        return problems;
    }

    // The rule of spec.node (RFC 1123, a subdomain): a name that breaks it would never match a workload.
    private static bool IsDnsName(string text) => text.Length is > 0 and <= 253 && text.Split('.').All(part =>
        part.Length > 0 && part.All(c => char.IsAsciiLetterLower(c) || char.IsAsciiDigit(c) || c == '-') && part[0] != '-' && part[^1] != '-');
}
