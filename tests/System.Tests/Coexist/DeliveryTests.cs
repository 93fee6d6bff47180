using Culvert.Labs;
using Culvert.Labs.Mesh;
using Culvert.Protocol.V1;
using Culvert.SystemTests.Fixtures;

namespace Culvert.SystemTests.Coexist;

/// <summary>
/// Nodes whose own rules keep what is captured at a pod's link from the proxy: there a pod is captured inside its network namespace, or, where that is not to be, not enrolled, and goes on as before. One that has been captured
/// before such a rule came stays guarded, and status says why nothing of it gets through.
/// </summary>
public sealed class DeliveryTests
{
    // The policy of a usual firewall: what is asked is refused, neighbours are found.
    private const string Fence = "nft 'table inet fence { chain in { type filter hook input priority 0; policy drop; ct state established,related accept; meta l4proto ipv6-icmp accept; iifname != \"cv*\" accept; }; }'";
    private const string Lost = "does not reach the proxy";
    // Of rules of routing and of iptables-legacy nobody tells an agent: it looks every 30 s, or when something of nftables changes, as it does here.
    private const string Noticed = "; nft 'add table inet noticed; delete table inet noticed'";
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(60); // agents look every 30 s
    private static readonly TimeSpan ShortDeadline = TimeSpan.FromSeconds(10); // less than sessions of UDP are kept for; a change of nftables has agents look at once

    /// <summary>Rules, and what takes them away. Forwarding between pods of nodes works with each of them.</summary>
    public static TheoryData<string, string, string> Rules => new()
    {
        { "INPUT, legacy", "iptables-legacy -A INPUT -i cv+ -j DROP; ip6tables-legacy -A INPUT -i cv+ ! -p ipv6-icmp -j DROP", "iptables-legacy -F INPUT; ip6tables-legacy -F INPUT" },
        { "INPUT, nft", Fence, "nft delete table inet fence" },
        { "mark", Each("iptables-nft -t mangle -A PREROUTING -i cv+ -j MARK --set-mark 0x1"), Each("iptables-nft -t mangle -D PREROUTING -i cv+ -j MARK --set-mark 0x1") },
        { "routing rule", "for f in -4 -6; do ip $f rule add pref 0 iif cvfar lookup main; ip $f rule add pref 0 iif cvnear lookup main; ip $f rule add pref 0 iif cvclient lookup main; done", "for f in -4 -6; do ip $f rule del pref 0 iif cvfar; ip $f rule del pref 0 iif cvnear; ip $f rule del pref 0 iif cvclient; done" },
    };

    [Theory]
    [MemberData(nameof(Rules))]
    public async Task A_pod_that_could_only_be_captured_there_is_not_enrolled_until_it_can_be(string name, string rules, string removal)
    {
        await using var lab = await CoexistLab.CreateAsync(new MeshLabOptions { Capture = "host" });
        await lab.ApplyAsync(rules);
        var probes = lab.PodToPod();
        await CoexistLab.AssertAsync($"{name}: before pods are enrolled", probes);
        await lab.EnrolAsync();
        await LabWait.UntilAsync("no pod is in the mesh", async () => await AllAsync(lab, w => w is { State: CaptureState.NotCaptured, Interface: "" } && w.Error.Contains(Lost, StringComparison.Ordinal)), Deadline);
        await LabWait.UntilAsync("node1 takes far for a pod outside the mesh", async () => !await lab.IsTunnelledAsync(lab.Client, lab.Far), Deadline);
        await CoexistLab.AssertAsync($"{name}: with pods refused", probes);
        await lab.ApplyAsync(removal + Noticed);
        await LabWait.UntilAsync("all pods are in the mesh", async () => await AllAsync(lab, w => w is { State: CaptureState.Captured, Error: "", Interface: not "", CertificateNotAfter: not null }) && await lab.IsTunnelledAsync(lab.Client, lab.Far) && await lab.IsTunnelledAsync(lab.Far, lab.Client), Deadline);
        await CoexistLab.AssertAsync($"{name}: with pods enrolled", probes);
        await lab.AssertMeshedAsync();
    }

    [Theory]
    [MemberData(nameof(Rules))]
    public async Task Otherwise_it_is_captured_inside_its_namespace(string name, string rules, string removal)
    {
        await using var lab = await CoexistLab.CreateAsync(new MeshLabOptions { Capture = "auto" });
        await lab.ApplyAsync(rules);
        await lab.AssertUnchangedAsync(lab.PodToPod());
        await lab.ApplyAsync(removal + Noticed);
        await CoexistLab.AssertAsync($"{name}: with the rules gone", lab.PodToPod());
    }

    [Theory]
    [MemberData(nameof(Rules))]
    public async Task One_that_is_captured_already_stays_guarded_and_status_says_so(string name, string rules, string removal)
    {
        await using var lab = await CoexistLab.CreateAsync(new MeshLabOptions { Capture = "host" });
        await lab.EnrolAsync();
        await CoexistLab.AssertAsync($"{name}: with pods enrolled", lab.PodToPod());
        await lab.ApplyAsync(rules + Noticed);
        await LabWait.UntilAsync("status tells of it", async () => await AllAsync(lab, w => w is { State: CaptureState.Undelivered, Interface: not "" } && w.Error.Contains(Lost, StringComparison.Ordinal)), Deadline);
        await CoexistLab.AssertAsync($"{name}: between pods of one node", [.. CoexistLab.Between((lab.Client, lab.Near))]);
        await lab.ApplyAsync(removal + Noticed);
        await LabWait.UntilAsync("status is well again", async () => await AllAsync(lab, w => w is { State: CaptureState.Captured, Error: "", Interface: not "" }), Deadline);
        await CoexistLab.AssertAsync($"{name}: with the rules gone", lab.PodToPod());
    }

    [Fact]
    public async Task One_that_is_captured_already_moves_into_its_namespace_where_it_can()
    {
        await using var lab = await CoexistLab.CreateAsync(new MeshLabOptions { Capture = "auto" });
        await lab.EnrolAsync();
        await lab.ApplyAsync(Fence);
        await LabWait.UntilAsync("all are inside", async () => await AllAsync(lab, w => w is { Error: "" } && w.InsideReason.Contains(Lost, StringComparison.Ordinal)), Deadline);
        await CoexistLab.AssertAsync("with pods inside", lab.PodToPod());
        await lab.AssertMeshedAsync();
    }

    [Fact]
    public async Task A_pod_whose_probes_a_policy_refuses_is_as_others_of_its_node()
    {
        await using var lab = await CoexistLab.CreateAsync(new MeshLabOptions { Capture = "host" });
        await lab.ApplyAsync(Fence);

        // It lets out what a service is asked by, and no probe.
        await lab.ApplyAsync("nft 'table inet engine { chain forward { type filter hook forward priority 0; iifname \"cvclient\" meta l4proto udp drop; }; }'");
        Probe[] tcp = [.. lab.PodToPod().Where(p => !p.IsUdp)];
        await CoexistLab.AssertAsync("before pods are enrolled", tcp);
        await lab.EnrolAsync();
        await LabWait.UntilAsync("no pod is in the mesh", async () => await AllAsync(lab, w => w is { State: CaptureState.NotCaptured, Interface: "" } && w.Error.Contains(Lost, StringComparison.Ordinal)), Deadline);
        await LabWait.UntilAsync("node1 takes far for a pod outside the mesh", async () => !await lab.IsTunnelledAsync(lab.Client, lab.Far), Deadline);
        await CoexistLab.AssertAsync("with pods refused", tcp);
        await lab.ApplyAsync("nft delete table inet fence");
        await LabWait.UntilAsync("all pods are in the mesh", async () => await AllAsync(lab, w => w is { State: CaptureState.Captured, Error: "", Interface: not "" }), Deadline);
    }

    [Fact]
    public async Task A_workload_that_no_route_leads_to_hides_no_fence()
    {
        await using var lab = await CoexistLab.CreateAsync(new MeshLabOptions { Capture = "host" });
        await lab.ApplyAsync($"{Fence}; ip route add unreachable 198.51.100.9; ip -6 route add unreachable 2001:db8:99::9");
        lab.Mesh.Objects.Write("unroutable", """
            apiVersion: culvert.dev/v1alpha1
            kind: Workload
            metadata: { name: a-first, namespace: demo }
            spec: { node: elsewhere, addresses: [198.51.100.9, "2001:db8:99::9"] }
            """);
        await lab.EnrolAsync();
        await LabWait.UntilAsync("no pod is in the mesh", async () => await AllAsync(lab, w => w is { State: CaptureState.NotCaptured, Interface: "" } && w.Error.Contains(Lost, StringComparison.Ordinal)), Deadline);
        await CoexistLab.AssertAsync("with pods refused", lab.PodToPod());
    }

    [Fact]
    public async Task Of_pins_whose_agent_has_lost_its_run_folder_nothing_keeps_probes()
    {
        await using var lab = await CoexistLab.CreateAsync(new MeshLabOptions { Capture = "host" });
        await lab.EnrolAsync();
        foreach (var node in lab.Mesh.Nodes)
        {
            await node.StopAgentAsync();
            Directory.Delete(Path.Combine(node.Place.Folder, "run"), recursive: true);
            await node.StartAgentAsync();
        }

        // What the programs of the agent before have made of the first probes outlives them.
        await lab.ApplyAsync(Fence);
        await LabWait.UntilAsync("status tells of the fence", async () => await AllAsync(lab, w => w is { State: CaptureState.Undelivered, Interface: not "" } && w.Error.Contains(Lost, StringComparison.Ordinal)), Deadline);
        await lab.ApplyAsync("nft delete table inet fence");
        await LabWait.UntilAsync("status is well", async () => await AllAsync(lab, w => w is { State: CaptureState.Captured, Error: "", Interface: not "" }), ShortDeadline);
    }

    private static async Task<bool> AllAsync(CoexistLab lab, Func<EnrolledWorkload, bool> condition)
    {
        var statuses = await Task.WhenAll(lab.Mesh.Nodes.Select(n => n.StatusAsync()));
        var workloads = statuses.SelectMany(s => s.Workloads).ToList();
        return workloads.Count == 3 && workloads.TrueForAll(w => condition(w));
    }

    // For both families.
    private static string Each(string rule) => $"{rule}; {rule.Replace("iptables", "ip6tables", StringComparison.Ordinal)}";
}
