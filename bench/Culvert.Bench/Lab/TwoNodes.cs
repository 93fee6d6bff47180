using Culvert.Bench.Running;

namespace Culvert.Bench.Lab;

/// <summary>
/// Two nodes joined by one link; on the first a client pod and a server pod, on the second a server pod. Built twice by the same code, once
/// for each side of the comparison, so that both sides run over the same kind of veths, routes and settings.
/// </summary>
internal sealed class TwoNodes
{
    // Ports: tens of thousands of closed connections must not run a side out of ports, so the range is wide and TIME_WAIT is reused.
    private static readonly string[] Settings =
    [
        "net.ipv4.ip_forward=1", "net.ipv4.conf.all.rp_filter=0", "net.ipv4.conf.default.rp_filter=0",
        "net.ipv4.ip_local_port_range=1024 65535", "net.ipv4.tcp_tw_reuse=1", "net.core.somaxconn=16384",
        "net.ipv4.tcp_max_syn_backlog=16384",
    ];

    private TwoNodes(string prefix)
    {
        NodeA = new("node-a", $"{prefix}-a", "up0", "10.99.0.1", "10.1.0.0/24", "10.1.0.1");
        NodeB = new("node-b", $"{prefix}-b", "up0", "10.99.0.2", "10.2.0.0/24", "10.2.0.1");
        Client = new("client", $"{prefix}-cl", NodeA, "10.1.0.10", "pod-client");
        ServerSame = new("server-same", $"{prefix}-sa", NodeA, "10.1.0.11", "pod-server");
        ServerCross = new("server-cross", $"{prefix}-sb", NodeB, "10.2.0.11", "pod-server");
    }

    public Node NodeA { get; }

    public Node NodeB { get; }

    public Pod Client { get; }

    public Pod ServerSame { get; }

    public Pod ServerCross { get; }

    public IReadOnlyList<Pod> Pods => [Client, ServerSame, ServerCross];

    /// <summary>Makes the topology; what was made is undone by <paramref name="cleanup"/>.</summary>
    public static async Task<TwoNodes> CreateAsync(string prefix, CleanupStack cleanup, CancellationToken cancellationToken)
    {
        TwoNodes lab = new(prefix);
        foreach (string netns in (string[])[lab.NodeA.Netns, lab.NodeB.Netns, .. lab.Pods.Select(p => p.Netns)])
        {
            await Command.RunAsync(null, ["ip", "netns", "add", netns], cancellationToken: cancellationToken);
            cleanup.Push($"namespace {netns}", () => RemoveNamespaceAsync(netns));
            await Command.RunAsync(netns, ["sysctl", "-q", "-w", .. Settings], cancellationToken: cancellationToken);
        }
        await BatchAsync(lab.NodeA.Netns, [$"link add {lab.NodeA.Uplink} type veth peer name {lab.NodeB.Uplink} netns {lab.NodeB.Netns}"], cancellationToken);
        await BatchAsync(lab.NodeA.Netns, NodeLines(lab.NodeA, lab.NodeB), cancellationToken);
        await BatchAsync(lab.NodeB.Netns, NodeLines(lab.NodeB, lab.NodeA), cancellationToken);
        foreach (Pod pod in lab.Pods)
        {
            await BatchAsync(pod.Node.Netns, VethLines(pod), cancellationToken);
            await BatchAsync(pod.Netns, PodLines(pod), cancellationToken);
        }
        return lab;
    }

    private static string[] NodeLines(Node node, Node other) =>
    [
        "link set lo up",
        $"addr add {node.Address}/24 dev {node.Uplink}",
        $"link set {node.Uplink} up",
        $"route add {other.PodRange} via {other.Address}",
    ];

    private static string[] VethLines(Pod pod) =>
    [
        $"link add {pod.HostInterface} type veth peer name eth0 netns {pod.Netns}",
        $"addr add {pod.Node.PodGateway}/32 dev {pod.HostInterface}",
        $"link set {pod.HostInterface} up",
        $"route add {pod.Address}/32 dev {pod.HostInterface}",
    ];

    private static string[] PodLines(Pod pod) =>
    [
        "link set lo up",
        $"addr add {pod.Address}/32 dev eth0",
        "link set eth0 up",
        $"route add {pod.Node.PodGateway} dev eth0 scope link",
        $"route add default via {pod.Node.PodGateway} dev eth0",
    ];

    private static async Task BatchAsync(string netns, IReadOnlyList<string> lines, CancellationToken cancellationToken) =>
        await Command.RunAsync(netns, ["ip", "-batch", "-"], string.Join('\n', lines) + "\n", cancellationToken);

    // Whatever still runs in a namespace the run made was started by the run (or by a daemon of it, as nginx's workers are).
    private static async Task RemoveNamespaceAsync(string netns)
    {
        string left = await Command.RunAsync(null, ["ip", "netns", "pids", netns]);
        string[] ids = left.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        if (ids.Length > 0) await Command.RunAsync(null, ["kill", "-KILL", .. ids]);
        await Command.RunAsync(null, ["ip", "netns", "del", netns]);
    }
}
