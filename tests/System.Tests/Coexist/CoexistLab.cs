using System.Net;
using System.Net.Sockets;
using Culvert.Labs;
using Culvert.Labs.Mesh;
using Culvert.SystemTests.Fixtures;
using Culvert.SystemTests.Peers;

namespace Culvert.SystemTests.Coexist;

/// <summary>
/// Two nodes whose network somebody else has rules in, and pods that ask each other: client and near on node1 and far on node2 are enrolled by
/// <see cref="EnrolAsync"/>; plain (node1) and outer (node2) never are. What was answered before must be answered ever after, and nothing else.
/// </summary>
internal sealed class CoexistLab : IAsyncDisposable
{
    /// <summary>Port at which every pod answers.</summary>
    public const int Port = 8080;

    /// <summary>The mesh's configuration; one that is to say more than it begins with it.</summary>
    public static readonly string MeshConfig = MeshObjects.Mesh().Replace("STRICT", "PERMISSIVE", StringComparison.Ordinal);

    private readonly List<IAsyncDisposable> _servers = [];

    private CoexistLab(MeshLab mesh) => Mesh = mesh;

    internal MeshLab Mesh { get; }

    internal LabPod Client { get; private set; } = null!;

    internal LabPod Near { get; private set; } = null!;

    internal LabPod Far { get; private set; } = null!;

    internal LabPod Plain { get; private set; } = null!;

    internal LabPod Outer { get; private set; } = null!;

    /// <summary>Builds nodes and pods, with a server in each pod; no agent runs yet.</summary>
    public static async Task<CoexistLab> CreateAsync(MeshLabOptions? options = null)
    {
        await Lab.RemoveStaleAsync();
        var lab = new CoexistLab(await MeshFixture.CreateAsync(options ?? new MeshLabOptions()));
        try
        {
            await lab.FillAsync();
            return lab;
        }
        catch
        {
            await lab.DisposeAsync();
            throw;
        }
    }

    /// <summary>Gives both nodes somebody else's rules.</summary>
    /// <param name="script">Shell; <c>$1</c> is the number of the node, from 1.</param>
    public async Task ApplyAsync(string script)
    {
        foreach (var node in Mesh.Nodes) await node.Place.ScriptAsync($"set -- {node.Place.Index}\n{script}");
    }

    /// <summary>Every pair of pods that matters, by TCP and UDP, IPv4 and IPv6: within a node and between nodes, both enrolled, one or none.</summary>
    public IReadOnlyList<Probe> PodToPod() =>
        [.. Between((Client, Near), (Client, Far), (Client, Plain), (Client, Outer), (Plain, Near), (Plain, Far), (Outer, Near), (Plain, Outer))];

    /// <summary>Probes of some pairs of pods, by TCP and UDP, IPv4 and IPv6.</summary>
    public static IEnumerable<Probe> Between(params IReadOnlyList<(LabPod From, LabPod To)> pairs) =>
        pairs.SelectMany(p => Families.SelectMany(f => Both($"{f} {p.From} to {p.To}", p.From, new IPEndPoint(MeshFixture.AddressOf(p.To, f), Port))));

    /// <summary>Probes of one who has an address of each family, by TCP and UDP.</summary>
    public static IEnumerable<Probe> InBothFamilies(string name, LabPod from, Func<AddressFamily, IPAddress> addressOf, int port) =>
        new[] { AddressFamily.InterNetwork, AddressFamily.InterNetworkV6 }.SelectMany(f => Both($"{f} {name}", from, new IPEndPoint(addressOf(f), port)));

    /// <summary>A probe by TCP and one by UDP.</summary>
    public static IEnumerable<Probe> Both(string name, LabPod from, IPEndPoint to) => [new("tcp " + name, from, to, IsUdp: false), new("udp " + name, from, to, IsUdp: true)];

    /// <summary>Those by UDP once more, with datagrams that go in fragments.</summary>
    public static IEnumerable<Probe> InFragments(IEnumerable<Probe> probes) => probes.Where(p => p.IsUdp).Select(p => p with { Name = p.Name + ", in fragments", IsLarge = true });

    /// <summary>
    /// Tries all before pods are enrolled, once they are, when the agents were restarted, and when the mesh was removed: each time what is refused must be exactly what is named here.
    /// </summary>
    /// <param name="probes">What is tried.</param>
    /// <param name="refused">Those of them that somebody else's rules refuse.</param>
    public async Task AssertUnchangedAsync(IReadOnlyList<Probe> probes, params IReadOnlyList<Probe> refused)
    {
        await AssertAsync("before pods are enrolled", probes, refused);
        await EnrolAsync();
        await AssertAsync("with pods enrolled", probes, refused);
        await AssertMeshedAsync();
        await RestartAsync();
        await AssertAsync("after a restart of the agents", probes, refused);
        await RemoveAsync();
        await AssertAsync("after the mesh was removed", probes, refused);
    }

    /// <summary>Tries all once.</summary>
    public static async Task AssertAsync(string when, IReadOnlyList<Probe> probes, params IReadOnlyList<Probe> refused)
    {
        var answers = await Task.WhenAll(probes.Select(async p => (Probe: p, Answered: await p.IsAnsweredAsync(refused.Contains(p)))));
        var wrong = answers.Where(a => a.Answered == refused.Contains(a.Probe)).Select(a => $"{a.Probe} was {(a.Answered ? "answered" : "not answered")}").ToList();
        Assert.True(wrong.Count == 0, $"{when}: {string.Join("; ", wrong)}");
    }

    /// <summary>Flows went through tunnels: otherwise all would be as before because nothing has been captured.</summary>
    public async Task AssertMeshedAsync()
    {
        foreach (var protocol in new[] { Protocol.V1.TransportProtocol.Tcp, Protocol.V1.TransportProtocol.Udp })
        {
            await Mesh.Nodes[0].WaitForFlowAsync($"a tunnel to far by {protocol}", f => f.Path == Protocol.V1.FlowPath.Tunnel && f.Protocol == protocol && f.Destination.WorkloadUid.EndsWith("far", StringComparison.Ordinal));
        }
    }

    /// <summary>Whether the agent of a pod's node takes what this sends to a pod of the other node for the tunnel's: both are in the mesh.</summary>
    public async Task<bool> IsTunnelledAsync(LabPod from, LabPod to)
    {
        var node = Mesh.Nodes.Single(n => n.Place == from.Node);
        var explained = await from.Node.RunAsync(LabPrograms.Culvert, ["explain", from.Address4.ToString(), $"{to.Address4}:{Port}", "--admin-socket", node.AdminSocket]);
        Assert.True(explained.Output.Contains("path:", StringComparison.Ordinal), explained.Output + explained.Error);
        return explained.Output.Contains("tunnel", StringComparison.Ordinal);
    }

    /// <summary>Starts controller and agents.</summary>
    public Task EnrolAsync() => MeshFixture.StartAsync(Mesh);

    /// <summary>Ends the agents in order and starts them again.</summary>
    public Task RestartAsync() => Task.WhenAll(Mesh.Nodes.Select(async n =>
    {
        await n.StopAgentAsync();
        await n.StartAgentAsync();
    }));

    /// <summary>Takes everything out of the nodes.</summary>
    public Task RemoveAsync() => Task.WhenAll(Mesh.Nodes.Select(async n =>
    {
        var detach = await n.Place.RunAsync(LabPrograms.Culvert, ["detach", "--all", "--admin-socket", n.AdminSocket, "--bpffs", n.Place.BpfFolder]);
        Assert.True(detach.Succeeded, detach.Output + detach.Error);
    }));

    public async ValueTask DisposeAsync()
    {
        foreach (var server in _servers) await server.DisposeAsync();
        await Mesh.DisposeAsync();
    }

    private static readonly TestFamily[] Families = Enum.GetValues<TestFamily>();

    private async Task FillAsync()
    {
        // Who may speak to whom is the others' to say here.
        Mesh.Objects.Write("mesh", MeshConfig);
        Mesh.Objects.Remove("policy-web");
        Client = await Mesh.AddPodAsync(Mesh.Nodes[0], "client", "client");
        Near = await Mesh.AddPodAsync(Mesh.Nodes[0], "near", "web");
        Far = await Mesh.AddPodAsync(Mesh.Nodes[1], "far", "web");
        Plain = await Mesh.Lab.AddPodAsync(Mesh.Nodes[0].Place, "plain");
        Outer = await Mesh.Lab.AddPodAsync(Mesh.Nodes[1].Place, "outer");
        foreach (var pod in new[] { Near, Far, Plain, Outer })
        {
            foreach (var family in Families)
            {
                _servers.Add(PeerServer.Start(pod, MeshFixture.AddressOf(pod, family), PeerServer.EchoAsync, Port));
                _servers.Add(UdpPeer.StartEcho(pod, family, Port));
            }
        }
    }
}
