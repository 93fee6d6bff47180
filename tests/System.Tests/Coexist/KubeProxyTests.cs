using System.Net;
using System.Net.Sockets;
using Culvert.Labs;
using Culvert.Labs.Mesh;
using Culvert.SystemTests.Peers;

namespace Culvert.SystemTests.Coexist;

/// <summary>kube-proxy's rules on both nodes, and the same Services in the mesh: a meshed backend on the client's node, one elsewhere, and one that is not enrolled.</summary>
public sealed class KubeProxyTests
{
    private const string Table = "inet culvert";
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(10);

    [Theory]
    [InlineData("iptables-legacy")]
    [InlineData("iptables-nft")]
    [InlineData("nftables")]
    public async Task Services_answer_as_they_do_without_the_mesh(string mode)
    {
        await using var lab = await CoexistLab.CreateAsync();
        var (near, far, outer) = DeclareServices(lab);
        await lab.ApplyAsync(Rules(mode, [near, far, outer]));
        Probe[] probes =
        [
            .. To(lab.Client, near), .. To(lab.Client, far), .. To(lab.Plain, near), .. To(lab.Plain, far), .. To(lab.Far, near), .. To(lab.Plain, outer),
            .. To(lab.Client, outer),
            .. lab.Mesh.Nodes.Select(n => n.Place).SelectMany(n => ((LabPod[])[lab.Client, lab.Far, lab.Plain, lab.Outer]).SelectMany(p => ((ProxiedService[])[near, far, outer]).SelectMany(s => ToNodePort(p, n, s)))),
            .. lab.PodToPod(),
        ];

        await lab.AssertUnchangedAsync(probes);

        foreach (var node in lab.Mesh.Nodes)
        {
            Assert.DoesNotContain("culvert", await node.Place.ScriptAsync("nft list tables"), StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task The_table_is_there_while_others_translate_destinations_and_put_back_when_others_remove_it()
    {
        await using var lab = await CoexistLab.CreateAsync();
        var (near, far, outer) = DeclareServices(lab);
        await lab.EnrolAsync();
        var node = lab.Mesh.Nodes[0];
        Assert.Equal("", await node.Place.ScriptAsync("nft list ruleset"));

        await lab.ApplyAsync(KubeProxyRules.Nftables([near, far, outer]));
        await LabWait.UntilAsync("the table is made", async () => await HasTableAsync(node), Deadline);
        await CoexistLab.AssertAsync("behind the table", [.. To(lab.Client, far)]);
        var made = await node.Place.ScriptAsync($"nft list table {Table}");
        var counted = await RestoredAsync(node);

        await node.Place.ScriptAsync($"nft delete table {Table}");
        await LabWait.UntilAsync("the table is there again", async () => await HasTableAsync(node), Deadline);
        Assert.Equal(made, await node.Place.ScriptAsync($"nft list table {Table}"));
        await LabWait.UntilAsync("it is counted", async () => await RestoredAsync(node) == counted + 1, Deadline);

        await node.Place.ScriptAsync($"nft flush chain {Table} keep-destination");
        await LabWait.UntilAsync("its rules are there again", async () => await HasTableAsync(node) && await node.Place.ScriptAsync($"nft list table {Table}") == made, Deadline);
        await CoexistLab.AssertAsync("behind the table put back", [.. To(lab.Client, far)]);
    }

    [Fact]
    public async Task Why_the_table_cannot_be_made_is_in_the_status_until_it_can()
    {
        await using var lab = await CoexistLab.CreateAsync();
        var (near, far, outer) = DeclareServices(lab);
        await lab.EnrolAsync();
        var node = lab.Mesh.Nodes[0];
        // Nobody but the process that has made it may change such a table, which goes with the process.
        await using (var owner = node.Place.Start("nft", "bash", "-c", $"mkfifo in; exec 3<>in; rm in; echo 'add table {Table} {{ flags owner; }}' >&3; exec nft -i <&3"))
        {
            await LabWait.UntilAsync("the table is another's", async () => await HasTableAsync(node), Deadline, owner);
            await lab.ApplyAsync(KubeProxyRules.Nftables([near, far, outer]));
            await LabWait.UntilAsync("it is told", async () => (await node.StatusAsync()).TranslationError.Contains("not permitted", StringComparison.Ordinal), Deadline, owner);
        }

        // The kernel tells nobody that such a table goes with its process; the agent tries again by itself, every 30 s.
        await LabWait.UntilAsync("the table is made", async () => await HasTableAsync(node) && (await node.StatusAsync()).TranslationError.Length == 0, TimeSpan.FromSeconds(30) + Deadline);
        await CoexistLab.AssertAsync("behind the table", [.. To(lab.Client, far)]);
    }

    [Fact]
    public async Task A_connection_outlives_the_enrolment_of_its_pods_and_their_removal()
    {
        await using var lab = await CoexistLab.CreateAsync();
        var (near, far, outer) = DeclareServices(lab);
        // Drops what conntrack takes for the midst of nothing, as kube-proxy does, and so that nothing is picked up by it.
        await lab.ApplyAsync(Rules("iptables-nft", [near, far, outer]) + "\nsysctl -qw net.netfilter.nf_conntrack_tcp_loose=0 net.netfilter.nf_conntrack_tcp_be_liberal=0");
        using var older4 = await PeerServer.ConnectAsync(lab.Client, new IPEndPoint(lab.Near.Address4, CoexistLab.Port));
        using var older6 = await PeerServer.ConnectAsync(lab.Client, new IPEndPoint(lab.Near.Address6, CoexistLab.Port));
        Socket[] older = [older4, older6];

        await EchoAsync("before pods are enrolled", older);
        await lab.EnrolAsync();
        // More than a window: who has not seen this does not know what comes after it.
        await EchoAsync("with pods enrolled", older);
        await lab.RestartAsync();
        await EchoAsync("after a restart of the agents", older);
        await lab.RemoveAsync();
        await EchoAsync("after the mesh was removed", older);
    }

    private static async Task EchoAsync(string when, IEnumerable<Socket> sockets)
    {
        foreach (var socket in sockets)
        {
            var sent = new byte[4 << 20];
            new Random(1).NextBytes(sent);
            var received = new byte[sent.Length];
            var sending = PeerServer.SendAllAsync(socket, sent);
            for (int length = 0, more; length < received.Length; length += more)
            {
                more = await socket.ReceiveAsync(received.AsMemory(length)).AsTask().WaitAsync(Deadline * LabWait.Patience);
                Assert.True(more > 0, $"{when}: the connection has ended");
            }

            await sending;
            Assert.Equal(sent, received);
        }
    }

    internal static (ProxiedService Near, ProxiedService Far, ProxiedService Outer) DeclareServices(CoexistLab lab)
    {
        ProxiedService[] services =
        [
            new("near", IPAddress.Parse("10.96.0.11"), IPAddress.Parse("fd96::11"), 30011, lab.Near),
            new("far", IPAddress.Parse("10.96.0.12"), IPAddress.Parse("fd96::12"), 30012, lab.Far),
            new("outer", IPAddress.Parse("10.96.0.13"), IPAddress.Parse("fd96::13"), 30013, lab.Outer),
        ];
        foreach (var service in services)
        {
            var workload = MeshObjects.Workload(service.Backend, service.Name);
            lab.Mesh.Objects.Write("workload-" + service.Name, service.Backend == lab.Outer ? workload.Replace($"  interface: {service.Backend.HostInterface}", "  enrolled: false", StringComparison.Ordinal) : workload);
            lab.Mesh.Objects.Write("service-" + service.Name, $$"""
                apiVersion: v1
                kind: Service
                metadata: {name: {{service.Name}}, namespace: {{MeshObjects.Namespace}}}
                spec:
                  clusterIP: {{service.Virtual4}}
                  clusterIPs: [{{service.Virtual4}}, "{{service.Virtual6}}"]
                  selector: {app: {{service.Name}}}
                  ports:
                    - {name: tcp, port: {{ProxiedService.Port}}, targetPort: {{CoexistLab.Port}}, protocol: TCP}
                    - {name: udp, port: {{ProxiedService.Port}}, targetPort: {{CoexistLab.Port}}, protocol: UDP}
                """);
        }

        return (services[0], services[1], services[2]);
    }

    internal static string Rules(string mode, IReadOnlyList<ProxiedService> services) => mode switch
    {
        "nftables" => KubeProxyRules.Nftables(services),
        _ => KubeProxyRules.Iptables(services, mode["iptables-".Length..]),
    };

    internal static IEnumerable<Probe> To(LabPod from, ProxiedService service) => CoexistLab.InBothFamilies($"{from} to Service {service.Name}", from, service.Virtual, ProxiedService.Port);

    private static IEnumerable<Probe> ToNodePort(LabPod from, LabNode node, ProxiedService service) => CoexistLab.InBothFamilies($"{from} to {service.Name} at a port of {node}", from, node.AddressOf, service.NodePort);

    private static async Task<bool> HasTableAsync(MeshNode node) => (await node.Place.ScriptAsync("nft list tables")).Contains(Table, StringComparison.Ordinal);

    private static async Task<double> RestoredAsync(MeshNode node) => (await node.MetricsAsync()).Sum("culvert_routing_restored_total");
}
