namespace Culvert.NodeAgent.Options;

/// <summary>Defaults of <see cref="AgentOptions"/>.</summary>
public static class AgentOptionsDefaults
{
    /// <summary>Folder on the machine's bpffs.</summary>
    public const string BpfFolder = "/sys/fs/bpf/culvert";

    /// <summary>Run folder.</summary>
    public const string RunFolder = "/run/culvert";

    /// <summary>Where the socket of the Workload API is by convention, in a folder that pods mount; it is served only where it is asked for.</summary>
    public const string WorkloadApi = RunFolder + "/workload/agent.sock";

    /// <summary>State folder.</summary>
    public const string StateFolder = "/var/lib/culvert";

    /// <summary>Folder with the configuration of the CNI, as kubelet and container runtimes have it.</summary>
    public const string CniFolder = "/etc/cni/net.d";

    /// <summary>Controller of the same machine.</summary>
    public const string Controller = "unix:///run/culvert/controller.sock";

    /// <summary>Port of <c>/metrics</c>.</summary>
    public const int MetricsPort = 15020;

    /// <summary>Port of <c>/ready</c> and <c>/live</c>.</summary>
    public const int ReadinessPort = 15021;

    /// <summary>
    /// Nice value of the event loops. Measured (1 connection between nodes, 2 cores kept busy by compilers): p99 19, 5.4 and 2.1 ms at 0,
    /// 3.5, 1.2 and 0.9 ms at -10; no difference on an idle machine.
    /// </summary>
    public const int LoopNice = -10;

    /// <summary>
    /// How long a loop looks for more at most. Measured (1 connection between nodes, 2 virtual cores): the median of a request is 49 us and not
    /// 105. Answers within the node and from a neighbour come in less; 40 us was too short to ever begin. So was 100 us for requests of HTTP, where an answer
    /// takes 100 us when nobody sleeps and 150 when both do: the median was 182 us with 100, and is 133 with 200 (nginx 162; medians of 52 quiet seconds each, in turn).
    /// </summary>
    public static readonly TimeSpan LoopBusyPoll = TimeSpan.FromMicroseconds(200);

    /// <summary>Bytes of responses that are kept for later requests: 32 MiB.</summary>
    public const long ResponseCacheBytes = 32L << 20;

    /// <summary>Port of captured TCP.</summary>
    public const ushort OutboundPort = 15001;

    /// <summary>Port of captured UDP.</summary>
    public const ushort UdpPort = 15003;

    /// <summary>Port of the tunnel.</summary>
    public const ushort TunnelPort = 15008;

    /// <summary>Routing table for captured packets.</summary>
    public const uint RouteTable = 15001;

    /// <summary>
    /// Priority of the first of three ip rules. Nothing but the kernel's own rule for the local table stands before: others take packets by the link that they came from, as security
    /// groups of pods do (10), and what is captured must not follow them.
    /// </summary>
    public const uint RulePriority = 1;

    /// <summary>Entries of the flow table: 131,072 connections.</summary>
    public const uint FlowTableSize = 262_144;

    /// <summary>Size of a file of the access log: 64 MiB.</summary>
    public const long AccessLogFileSize = 64L << 20;

    /// <summary>How many files of the access log there are.</summary>
    public const int AccessLogFiles = 4;

    /// <summary>Time a UDP session is kept without a datagram.</summary>
    public static readonly TimeSpan UdpIdleTimeout = TimeSpan.FromSeconds(60);

    /// <summary>How long a tunnel outlives its peer's silence: as a plain TCP connection that has something to send (tcp_retries2 of Linux: 924 s).</summary>
    public static readonly TimeSpan TunnelTimeout = TimeSpan.FromMinutes(15);

    /// <summary>Silence before an application is probed.</summary>
    public static readonly TimeSpan KeepAlive = TimeSpan.FromMinutes(2);

    /// <summary>Drain deadline.</summary>
    public static readonly TimeSpan DrainDeadline = TimeSpan.FromSeconds(30);
}
