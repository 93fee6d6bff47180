using System.CommandLine;
using System.Net;
using Culvert.Core;
using Culvert.Protocol;

namespace Culvert.NodeAgent.Options;

/// <summary>
/// The options of the command line that say how an agent works on its machine, defined once for every command that runs one. Not those that say which
/// controller it follows. Make one for each command.
/// </summary>
public sealed class AgentOptionSet
{
    private static readonly AgentOptions Defaults = new();
    private static readonly TimeSpan LongestDrain = TimeSpan.FromDays(1);

    private readonly Option<string> _node = Make("--node", "NAME", "Name of this node, as in spec.node of its workloads: a DNS name in lower case.", Defaults.NodeName);
    private readonly Option<string> _state = Make("--state-dir", "DIR", "Folder for what outlives a restart: keys, last snapshot.", Defaults.StateFolder);
    private readonly Option<string> _run = Make("--run-dir", "DIR", "Folder for sockets.", Defaults.RunFolder);
    private readonly Option<string> _bpffs = Make("--bpffs", "DIR", "Folder on a BPF file system for pins; mounted when it is on none.", Defaults.BpfFolder);
    private readonly Option<string?> _metrics = MakeEndPoint("--metrics", "Where /metrics is served.", AgentOptionsDefaults.MetricsPort);
    private readonly Option<string?> _readiness = MakeEndPoint("--readiness", "Where /ready and /live are served.", AgentOptionsDefaults.ReadinessPort);
    private readonly Option<ushort> _outbound = Make("--outbound-port", "PORT", "Port of the capture listener.", Defaults.OutboundPort);
    private readonly Option<ushort> _udp = Make("--udp-port", "PORT", "Port of the capture socket for UDP.", Defaults.UdpPort);
    private readonly Option<ushort> _tunnel = Make("--tunnel-port", "PORT", "Port of the tunnel.", Defaults.TunnelPort);
    private readonly Option<double> _drain = Make("--drain-seconds", "SECONDS", "How long a stopping agent lets proxied connections finish.", Defaults.DrainDeadline.TotalSeconds);
    private readonly Option<double> _udpIdle = Make("--udp-idle-seconds", "SECONDS", "How long a UDP session without datagrams is kept, 1 to 3,600.", Defaults.UdpIdleTimeout.TotalSeconds);
    private readonly Option<double> _tunnelTimeout = Make("--tunnel-timeout-seconds", "SECONDS", "How long a tunnel outlives its peer's silence, 10 to 86,400: connections survive an outage that is shorter.", Defaults.TunnelTimeout.TotalSeconds);
    private readonly Option<double> _keepAlive = Make("--keepalive-seconds", "SECONDS", "Silence after which applications are probed for being there, 1 to 86,400; 0: never.", Defaults.KeepAlive.TotalSeconds);
    private readonly Option<int> _loops = Make("--loops", "N", "Event loops of the proxy; at most 64; 0: one per core.", Defaults.Loops);
    private readonly Option<int> _nice = Make("--loop-nice", "N", "Nice value of the event loops, -20 to 19; 0: as the process.", Defaults.LoopNice);
    private readonly Option<int> _busyPoll = Make("--loop-busy-poll-us", "MICROSECONDS", "How long an event loop polls for more before it sleeps, at most, 0 to 1000 us; 0: not at all.", (int)Defaults.LoopBusyPoll.TotalMicroseconds, oldName: "--loop-linger-us");
    private readonly Option<long> _responseCache = Make("--response-cache-bytes", "BYTES", "Most bytes of responses that are kept for later requests, where TrafficPolicies ask for that; 0: none are kept.", Defaults.ResponseCacheBytes);
    private readonly Option<string> _marks = Make("--mark-mask", "MASK", "The two bits of packets' marks that are the agent's, such as 0x30: bits that no other program of this machine uses.", Defaults.Marks.ToString());
    private readonly Option<uint> _rules = Make("--rule-priority", "N", "Priority of the first of three ip rules that follow each other, 1 to 32763: before those of others.", Defaults.RulePriority);
    private readonly Option<uint> _flows = Make("--flow-table-size", "N", "Entries of the kernel's flow table, two per connection.", Defaults.FlowTableSize);
    private readonly Option<XdpUse> _xdp = Make("--xdp", "auto|on|off", "XDP at the uplinks: auto (while a workload here takes datagrams by the proxy), on or off.", Defaults.Xdp);
    private readonly Option<CaptureUse> _capture = Make("--capture", "auto|host|inside", "Where pods are captured: at the host's end of their links, or inside their network namespaces; auto: inside where the host's end is another engine's or there is none.", Defaults.Capture);
    private readonly Option<string> _cni = Make("--cni-conf-dir", "DIR", "Folder with the configuration of the CNI, which says what connects pods.", Defaults.CniFolder);
    private readonly Option<string?> _cniPrograms = new("--cni-bin-dir") { Description = "Folder that the container runtime takes CNI plugins from; given: the agent's plugin is kept there, and in the configuration of --cni-conf-dir.", HelpName = "DIR" };
    private readonly Option<string> _cniPlugin = Make("--cni-plugin", "FILE", "With --cni-bin-dir: the plugin's program.", Defaults.CniPlugin);
    private readonly Option<bool> _checksum = new("--udp-header-crc") { Description = "Have the programs put a CRC32C into the PROXY v2 headers of datagrams, which the proxy checks." };

    private readonly Option<string?> _spireAgent = new("--spire-agent")
    {
        Description = "unix:///PATH of the admin socket of this machine's SPIRE agent, which gives the workloads' certificates, in place of the controller.",
        HelpName = "ADDRESS",
    };

    private readonly Option<string[]> _spireSelectors = new("--spire-selector")
    {
        Description = $"With --spire-agent: selector by which it is asked for a workload's certificate; repeatable. Default: {string.Join(" and ", SelectorTemplate.Defaults)}.",
        HelpName = "TYPE:VALUE",
        AllowMultipleArgumentsPerToken = true,
    };

    private readonly Option<string?> _workloadApi = new("--workload-api")
    {
        Description = $"Path of the socket at which applications of this node's pods have their mesh identity, by SPIFFE's Workload API; conventionally {AgentOptionsDefaults.WorkloadApi}. Default: it is not served.",
        HelpName = "SOCKET",
    };

    private readonly Option<KeyKind> _workloadKey = Make("--workload-key", "p256|p384|rsa2048|rsa4096", "Of which kind the keys of workloads' certificates are.", Defaults.WorkloadKey);

    private readonly Option<bool> _fips = new("--fips") { Description = "Encrypt and sign by OpenSSL's FIPS provider alone; without it, don't start." };

    private readonly Option<string[]> _uplinks = new("--uplink")
    {
        Description = "Interface that leads to other nodes; repeatable. Default: found by its routes.",
        HelpName = "NAME",
        AllowMultipleArgumentsPerToken = true,
    };

    private readonly Option<string[]> _allow = new("--metrics-allow")
    {
        Description = "Network whose pods may ask for metrics and readiness; repeatable. Default: no pod may.",
        HelpName = "PREFIX",
        AllowMultipleArgumentsPerToken = true,
    };

    private readonly Option<string?> _metricsToken = new("--metrics-token-file")
    {
        Description = "File with bearer tokens, one on each line; who asks for metrics has to give one. Read anew each time. Default: none is asked for.",
        HelpName = "FILE",
    };

    /// <summary>All of them, in the order of the help text.</summary>
    public IReadOnlyList<Option> All =>
    [
        _node, _state, _run, _bpffs, _spireAgent, _spireSelectors, _workloadApi, _workloadKey, _fips, _uplinks, _metrics, _readiness, _allow, _metricsToken, _outbound, _udp, _tunnel, _drain, _udpIdle, _tunnelTimeout, _keepAlive, _loops, _nice, _busyPoll, _responseCache, _marks, _rules, _flows, _xdp,
        _capture, _cni, _cniPrograms, _cniPlugin, _checksum,
    ];

    /// <summary>The agent's options as given; what this set has no option for keeps its default.</summary>
    /// <param name="parsed">The command line, which was parsed without errors.</param>
    /// <param name="problems">Takes up what cannot be used, one line each; <see cref="AgentOptions.Validate"/> finds the rest.</param>
    public AgentOptions Read(ParseResult parsed, ICollection<string> problems)
    {
        ArgumentNullException.ThrowIfNull(parsed);
        ArgumentNullException.ThrowIfNull(problems);
        return new AgentOptions
        {
            NodeName = parsed.GetValue(_node)!,
            StateFolder = Path.GetFullPath(parsed.GetValue(_state)!),
            RunFolder = Path.GetFullPath(parsed.GetValue(_run)!),
            BpfFolder = Path.GetFullPath(parsed.GetValue(_bpffs)!),
            SpireAgent = SpireAgentOf(parsed, problems),
            SpireSelectors = SelectorsOf(parsed, problems),
            WorkloadApi = parsed.GetValue(_workloadApi) is { Length: > 0 } socket ? Path.GetFullPath(socket) : null,
            WorkloadKey = parsed.GetValue(_workloadKey),
            Fips = parsed.GetValue(_fips),
            Uplinks = parsed.GetValue(_uplinks) ?? [],
            Metrics = EndPointOf(parsed, _metrics, problems),
            Readiness = EndPointOf(parsed, _readiness, problems),
            MetricsAllow = PrefixesOf(parsed, problems),
            MetricsTokenFile = parsed.GetValue(_metricsToken) is { } file ? Path.GetFullPath(file) : null,
            OutboundPort = parsed.GetValue(_outbound),
            UdpPort = parsed.GetValue(_udp),
            TunnelPort = parsed.GetValue(_tunnel),
            DrainDeadline = SecondsOf(parsed, _drain, LongestDrain, problems) ?? Defaults.DrainDeadline,
            UdpIdleTimeout = SecondsOf(parsed, _udpIdle, TimeSpan.FromHours(1), problems) ?? Defaults.UdpIdleTimeout,
            TunnelTimeout = SecondsOf(parsed, _tunnelTimeout, TimeSpan.FromDays(1), problems) ?? Defaults.TunnelTimeout,
            KeepAlive = SecondsOf(parsed, _keepAlive, TimeSpan.FromDays(1), problems) ?? Defaults.KeepAlive,
            Loops = parsed.GetValue(_loops),
            LoopNice = parsed.GetValue(_nice),
            ResponseCacheBytes = parsed.GetValue(_responseCache),
            LoopBusyPoll = TimeSpan.FromMicroseconds(parsed.GetValue(_busyPoll)),
            Marks = MarksOf(parsed, problems),
            RulePriority = parsed.GetValue(_rules),
            FlowTableSize = parsed.GetValue(_flows),
            Xdp = parsed.GetValue(_xdp),
            Capture = parsed.GetValue(_capture),
            CniFolder = Path.GetFullPath(parsed.GetValue(_cni)!),
            CniProgramFolder = parsed.GetValue(_cniPrograms) is { } programs ? Path.GetFullPath(programs) : null,
            CniPlugin = Path.GetFullPath(parsed.GetValue(_cniPlugin)!),
            UdpHeaderChecksum = parsed.GetValue(_checksum),
        };
    }

    private static Option<T> Make<T>(string name, string form, string description, T value, string? oldName = null) =>
        new(name, oldName is null ? [] : [oldName]) { Description = description, HelpName = form, DefaultValueFactory = _ => value };

    private static Option<string?> MakeEndPoint(string name, string description, int port) => new(name)
    {
        Description = FormattableString.Invariant($"{description} Default: port {port} of 127.0.0.1 and of the uplinks' addresses. Pods are refused there, unless --metrics-allow says otherwise."),
        HelpName = "ADDRESS:PORT",
    };

    // An address without a port parses as one with port 0, on which nobody would find what is served.
    private static IPEndPoint? EndPointOf(ParseResult parsed, Option<string?> option, ICollection<string> problems)
    {
        if (parsed.GetValue(option) is not { } text) return null;
        if (IPEndPoint.TryParse(text, out IPEndPoint? endPoint) && endPoint.Port != 0) return endPoint;
        problems.Add($"{option.Name}: '{parsed.GetValue(option)}' is not of the form ADDRESS:PORT, for example 127.0.0.1:15020 or [::]:15020");
        return null;
    }

    private SpiffeEndpoint? SpireAgentOf(ParseResult parsed, ICollection<string> problems)
    {
        if (parsed.GetValue(_spireAgent) is not { } text) return null;
        if (!SpiffeEndpoint.TryParse(text, out SpiffeEndpoint? endpoint, out string? error)) problems.Add($"{_spireAgent.Name}: '{text}' {error}");
        return endpoint;
    }

    private List<SelectorTemplate> SelectorsOf(ParseResult parsed, ICollection<string> problems)
    {
        List<SelectorTemplate> selectors = [];
        foreach (string text in parsed.GetValue(_spireSelectors) ?? [])
        {
            if (SelectorTemplate.TryParse(text, out SelectorTemplate? selector, out string? error)) selectors.Add(selector);
            else problems.Add($"{_spireSelectors.Name}: '{text}' {error}");
        }
        return selectors;
    }

    private PacketMarks MarksOf(ParseResult parsed, ICollection<string> problems)
    {
        if (PacketMarks.TryParse(parsed.GetValue(_marks)!, out PacketMarks marks)) return marks;
        problems.Add($"{_marks.Name}: '{parsed.GetValue(_marks)}' is not a mask of two bits, such as {PacketMarks.Default}");
        return PacketMarks.Default;
    }

    private List<IpPrefix> PrefixesOf(ParseResult parsed, ICollection<string> problems)
    {
        List<IpPrefix> prefixes = [];
        foreach (string text in parsed.GetValue(_allow) ?? [])
        {
            if (IpPrefix.TryParse(text, out IpPrefix prefix, out string? error)) prefixes.Add(prefix);
            else problems.Add($"{_allow.Name}: {error}");
        }
        return prefixes;
    }

    private static TimeSpan? SecondsOf(ParseResult parsed, Option<double> option, TimeSpan most, ICollection<string> problems)
    {
        double seconds = parsed.GetValue(option);
        if (seconds >= 0 && seconds <= most.TotalSeconds) return TimeSpan.FromSeconds(seconds);
        problems.Add(FormattableString.Invariant($"{option.Name}: {seconds} is not between 0 and {most.TotalSeconds}"));
        return null;
    }
}
