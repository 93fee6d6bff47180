using Culvert.Interop.Bpf;
using Culvert.Interop.Netlink;
using Culvert.Labs;
using Culvert.Labs.Mesh;

namespace Culvert.SystemTests.Coexist;

/// <summary>
/// Pods whose links' host ends are another's, or that have none, are captured inside their network namespaces: what worked works, what goes from pod to pod is seen by the host as tunnels only, and nothing is
/// left there in the end.
/// </summary>
public sealed class InsideTests
{
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(60); // agents look every 30 s

    [Fact]
    public async Task All_is_answered_as_without_a_mesh_and_nothing_is_left_of_it()
    {
        await using var lab = await CoexistLab.CreateAsync(new MeshLabOptions { Capture = "inside" });
        LabPod[] enrolled = [lab.Client, lab.Near, lab.Far];
        var before = await Task.WhenAll(enrolled.Select(LeftInAsync));
        var probes = lab.PodToPod();
        await CoexistLab.AssertAsync("before pods are enrolled", probes);
        await lab.EnrolAsync();
        await CoexistLab.AssertAsync("with pods enrolled", probes);
        await lab.AssertMeshedAsync();
        Assert.True(await lab.IsTunnelledAsync(lab.Client, lab.Near));
        Assert.All((await lab.Mesh.Nodes[0].StatusAsync()).Workloads, w => Assert.Contains("--capture inside", w.InsideReason, StringComparison.Ordinal));

        // The next agent takes over what the killed one left.
        foreach (var node in lab.Mesh.Nodes) await node.KillAgentAsync();
        foreach (var node in lab.Mesh.Nodes) await node.StartAgentAsync();
        await CoexistLab.AssertAsync("after the death of the agents", probes);
        Assert.All(enrolled, pod => Assert.Equal(["cv_pod_in", "cv_pod_out"], ProgramsIn(pod)));

        // One agent takes out what it has put in, the other is dead by then, and what it knew is lost.
        await lab.Mesh.Nodes[1].KillAgentAsync();
        var spaces = Path.Combine(Path.GetDirectoryName(lab.Mesh.Nodes[1].AdminSocket)!, "spaces");
        Assert.True(File.Exists(spaces));
        File.Delete(spaces);
        await lab.RemoveAsync();
        await CoexistLab.AssertAsync("after the mesh was removed", probes);
        Assert.Equal(before, await Task.WhenAll(enrolled.Select(LeftInAsync)));
        Assert.All(enrolled, pod => Assert.Empty(ProgramsIn(pod)));
    }

    [Fact]
    public async Task Where_another_engine_redirects_pods_are_captured_inside_as_long_as_it_does()
    {
        await using var lab = await CoexistLab.CreateAsync();
        var probes = lab.PodToPod();
        using (ForeignRedirectTests.AttachAt(lab.Client))
        using (ForeignRedirectTests.AttachAt(lab.Far))
        {
            await lab.EnrolAsync();
            await CoexistLab.AssertAsync("with client and far captured inside, and near at the host's end", probes);
            await lab.AssertMeshedAsync();
            Assert.Equal([ForeignRedirectTests.Foreign, ""], new[] { lab.Client, lab.Near }.Select(p => WordsOf(lab, p)).Select(w => w.Contains(ForeignRedirectTests.Foreign, StringComparison.Ordinal) ? ForeignRedirectTests.Foreign : w));
            Assert.True(await lab.IsTunnelledAsync(lab.Client, lab.Near));

            // What the other engine sees of the mesh.
            var capture = await LinkCapture.StartAsync(lab.Mesh.Nodes[0], CancellationToken.None, lab.Client.HostInterface);
            await CoexistLab.AssertAsync("while it is looked on", [.. CoexistLab.Between((lab.Client, lab.Near), (lab.Client, lab.Far))]);
            var seen = await capture.FinishAsync("a question of this probe", CoexistLab.Port);
            Assert.True(seen is { TunnelPackets: > 0, ApplicationPackets: 0, Datagrams: 0, MarkerSeen: false }, $"{seen}");
            await lab.RestartAsync();
            await CoexistLab.AssertAsync("after a restart of the agents", probes);
        }

        await LabWait.UntilAsync("client and far are captured at the host's end", () => Task.FromResult(WordsOf(lab, lab.Client).Length == 0 && WordsOf(lab, lab.Far).Length == 0), Deadline);
        await CoexistLab.AssertAsync("without the other engine", probes);
        Assert.False(await lab.IsTunnelledAsync(lab.Client, lab.Near));
        Assert.Empty(ProgramsIn(lab.Client));
        await lab.RemoveAsync();
        await CoexistLab.AssertAsync("after the mesh was removed", probes);
    }

    [Fact]
    public async Task A_pod_without_an_end_on_the_host_is_captured_inside()
    {
        await using var lab = await CoexistLab.CreateAsync();
        await MoveToMacvlanAsync(lab);
        Probe[] probes = [.. CoexistLab.Between((lab.Client, lab.Far), (lab.Client, lab.Outer))];
        await CoexistLab.AssertAsync("before pods are enrolled", probes);
        await lab.EnrolAsync();
        await CoexistLab.AssertAsync("with pods enrolled", probes);
        await lab.AssertMeshedAsync();
        Assert.Contains("no host route", WordsOf(lab, lab.Client), StringComparison.Ordinal);
        await lab.RemoveAsync();
        await CoexistLab.AssertAsync("after the mesh was removed", probes);
    }

    [Fact]
    public async Task Where_pods_are_captured_at_the_hosts_end_only_one_without_it_is_not_enrolled()
    {
        await using var lab = await CoexistLab.CreateAsync(new MeshLabOptions { Capture = "host" });
        await MoveToMacvlanAsync(lab);
        Probe[] probes = [.. CoexistLab.Between((lab.Client, lab.Far), (lab.Client, lab.Outer))];
        await CoexistLab.AssertAsync("before pods are enrolled", probes);
        await lab.EnrolAsync();
        await LabWait.UntilAsync("client is refused", async () => (await lab.Mesh.Nodes[0].StatusAsync()).Workloads.Any(w => w.Uid.EndsWith("client", StringComparison.Ordinal) && w.Error.Contains("--capture auto", StringComparison.Ordinal)), Deadline);
        await LabWait.UntilAsync("node2 takes client for a pod outside the mesh", async () => !await lab.IsTunnelledAsync(lab.Far, lab.Client), Deadline);
        await CoexistLab.AssertAsync("with client refused", probes);
    }

    private static async Task MoveToMacvlanAsync(CoexistLab lab)
    {
        await lab.Mesh.Nodes[0].Place.ScriptAsync($"ip link del {lab.Client.HostInterface}; ip link add link {LabNode.Uplink} name mv0 mtu 1500 type macvlan mode bridge; ip link set mv0 netns {lab.Client.Namespace}");

        // On the link itself, as a macvlan pod is; the others' pods are behind their nodes.
        await lab.Client.ScriptAsync($"""
            ip link set mv0 name eth0
            ip address add {lab.Client.Address4}/32 dev eth0
            ip address add {lab.Client.Address6}/128 dev eth0 nodad
            ip link set eth0 up
            ip route add {lab.Far.Node.Address4}/32 dev eth0
            ip route add default via {lab.Far.Node.Address4}
            ip -6 route add {lab.Far.Node.Address6}/128 dev eth0
            ip -6 route add default via {lab.Far.Node.Address6} dev eth0
            """);
        await lab.Far.Node.ScriptAsync($"ip route add {lab.Client.Address4}/32 dev {LabNode.Uplink}; ip -6 route add {lab.Client.Address6}/128 dev {LabNode.Uplink}");
        lab.Mesh.Objects.Write("workload-client", string.Join('\n', MeshObjects.Workload(lab.Client, "client").Split('\n').Where(l => !l.Contains("interface:", StringComparison.Ordinal))));
    }

    [Fact]
    public async Task A_workload_that_gets_another_name_is_captured_where_it_was()
    {
        await using var lab = await CoexistLab.CreateAsync(new MeshLabOptions { Capture = "inside" });
        Probe[] probes = [.. CoexistLab.Between((lab.Client, lab.Near), (lab.Far, lab.Near), (lab.Near, lab.Far))];
        await lab.EnrolAsync();
        await CoexistLab.AssertAsync("with pods enrolled", probes);
        var before = await LeftInAsync(lab.Near);
        lab.Mesh.Objects.Remove("workload-near");
        lab.Mesh.Objects.Write("workload-near", MeshObjects.Workload(lab.Near, "web").Replace($"name: {lab.Near.Name}\n", "name: renamed\n", StringComparison.Ordinal));
        await LabWait.UntilAsync("the workload of the new name is captured", async () => (await lab.Mesh.Nodes[0].StatusAsync()).Workloads.Any(w => w.Uid.EndsWith("renamed", StringComparison.Ordinal) && w.Error.Length == 0 && w.InsideReason.Length > 0), Deadline);
        await CoexistLab.AssertAsync("after it", probes);
        Assert.Equal(before.Split('\n').Where(l => l.Contains("15001", StringComparison.Ordinal)), (await LeftInAsync(lab.Near)).Split('\n').Where(l => l.Contains("15001", StringComparison.Ordinal)));
    }

    [Fact]
    [Trait("Category", "Attack")]
    public async Task Attack_a_pod_that_gives_itself_anothers_address_does_not_take_that_out_of_the_mesh_nor_its_place()
    {
        await using var lab = await CoexistLab.CreateAsync(new MeshLabOptions { Capture = "inside" });
        Probe[] probes = [.. CoexistLab.Between((lab.Client, lab.Far), (lab.Client, lab.Near))];
        await lab.EnrolAsync();
        await CoexistLab.AssertAsync("with pods enrolled", probes);
        await lab.Plain.ScriptAsync($"ip address add {lab.Client.Address4}/32 dev eth0; ip address add {lab.Client.Address6}/128 dev eth0 nodad");
        await lab.RestartAsync(); // as later looks, only sooner
        await CoexistLab.AssertAsync("with another pod that says it has the address", probes);
        Assert.All((await lab.Mesh.Nodes[0].StatusAsync()).Workloads, w => Assert.Empty(w.Error));
        Assert.Equal(["cv_pod_in", "cv_pod_out"], ProgramsIn(lab.Client));
        Assert.Empty(ProgramsIn(lab.Plain));

        // Nor is it taken for the workload while that is not there.
        await lab.Client.ScriptAsync($"ip address del {lab.Client.Address4}/32 dev eth0; ip address del {lab.Client.Address6}/128 dev eth0");
        await lab.RestartAsync();
        var told = "nothing";
        try
        {
            await LabWait.UntilAsync(
                "the agent looks for the workload's namespace",
                async () => (told = (await lab.Mesh.Nodes[0].StatusAsync()).Workloads.Single(w => w.Uid.EndsWith("client", StringComparison.Ordinal)).ToString()).Contains("no network namespace", StringComparison.Ordinal),
                TimeSpan.FromSeconds(15));
        }
        catch (TimeoutException e)
        {
            Assert.Fail($"{e.Message}; the agent says: {told}; its log:\n{lab.Mesh.Nodes[0].Agent!.LogTail(40)}");
        }

        await LabWait.UntilAsync("node2 takes client for a pod outside the mesh", async () => !await lab.IsTunnelledAsync(lab.Far, lab.Client), Deadline);
        Assert.Contains("no network namespace", (await lab.Mesh.Nodes[0].StatusAsync()).Workloads.Single(w => w.Uid.EndsWith("client", StringComparison.Ordinal)).Error, StringComparison.Ordinal);
        Assert.Empty(ProgramsIn(lab.Plain));
    }

    // Why a pod is captured inside its namespace; empty when it is not.
    private static string WordsOf(CoexistLab lab, LabPod pod) =>
        lab.Mesh.Nodes.Single(n => n.Place == pod.Node).StatusAsync().GetAwaiter().GetResult().Workloads.SingleOrDefault(w => w.Uid.EndsWith(pod.Name, StringComparison.Ordinal))?.InsideReason ?? "(no workload)";

    // Rules, routes and settings that an agent needs there.
    private static Task<string> LeftInAsync(LabPod pod) =>
        pod.ScriptAsync("ip -4 rule; ip -6 rule; ip -4 route show table 15001 2>/dev/null || :; ip -6 route show table 15001 2>/dev/null || :; cat /proc/sys/net/ipv4/conf/lo/accept_local; ss -Hltn");

    private static string[] ProgramsIn(LabPod pod)
    {
        using var network = NetworkNamespace.OpenPath(pod.NamespacePath);
        return network.Run(() =>
        {
            using var netlink = RouteNetlink.Open();
            var index = netlink.GetLink("eth0").Index;
            return new[] { TcDirection.Ingress, TcDirection.Egress }.SelectMany(d => BpfLink.QueryTcx(index, d)).Select(NameOf).ToArray();
        });
    }

    private static string NameOf(TcxAttachment attachment)
    {
        using var program = BpfProgram.FromId(attachment.ProgramId);
        return program.Name;
    }
}
