using System.Globalization;
using System.Net;
using Culvert.Datapath.Tests.Support;
using Culvert.Labs;
using Culvert.Labs.Mesh;
using Culvert.SystemTests.Fixtures;
using Culvert.SystemTests.Peers;

namespace Culvert.SystemTests.Coexist;

/// <summary>
/// Pods that are ports of a bridge, in the shape of the CNI's bridge plugin (flannel, kubenet): they speak to pods of their node by the bridge, and to all else by its address, as their router. Netfilter
/// may look into the bridge or not, and may begin to at any time.
/// </summary>
public sealed class BridgeTests
{
    // Every pod's veth becomes a port, and its route one by the bridge.
    private const string Bridge = """
        ip link add cni0 type bridge
        ip address add 169.254.1.1/32 dev cni0
        ip -6 address add fe80::1/64 dev cni0 nodad
        ip link set cni0 up
        for port in $(ip -o link show type veth | sed 's/^[0-9]*: \([^@:]*\).*/\1/' | grep '^cv'); do
          for family in -4 -6; do
            address=$(ip $family route show dev "$port" | grep -v '^fe80' | cut -d' ' -f1)
            ip $family route del "$address" dev "$port"
            ip $family route add "$address" dev cni0
          done
          ip link set "$port" master cni0
        done
        """;

    [Theory]
    [InlineData("AUTO")]
    [InlineData("HOST_STACK")]
    public async Task What_pods_of_a_bridge_could_do_they_can_do_in_the_mesh(string directPath)
    {
        await using var lab = await CreateAsync(directPath);
        var probes = lab.PodToPod();
        await CoexistLab.AssertAsync("before pods are enrolled", probes);

        await lab.EnrolAsync();
        await CoexistLab.AssertAsync("with pods enrolled", probes);
        await FilterAsync(lab, true);
        await CoexistLab.AssertAsync("with netfilter at the bridge from now on", probes);
        await lab.AssertMeshedAsync();
        await lab.RestartAsync();
        Assert.All((await lab.Mesh.Nodes[0].StatusAsync()).Workloads, w => Assert.Empty(w.Error));
        await CoexistLab.AssertAsync("after a restart of the agents", probes);
        await lab.RemoveAsync();
        await CoexistLab.AssertAsync("after the mesh was removed", probes);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_port_behind_the_proxy_is_reached_from_the_same_bridge(bool filtered)
    {
        await using var lab = await CreateAsync("AUTO");
        await FilterAsync(lab, filtered);
        lab.Mesh.Objects.Write("workload-near", MeshObjects.Workload(lab.Near, "web", $"culvert.dev/proxy-protocol: \"v2:{CoexistLab.Port},{CoexistLab.Port}/udp\""));
        Probe[] probes = [.. CoexistLab.Between((lab.Client, lab.Near), (lab.Far, lab.Near), (lab.Outer, lab.Near), (lab.Client, lab.Far))];
        Probe[] withHeaders = [.. probes.Select(p => p.To.Address.Equals(lab.Near.Address4) || p.To.Address.Equals(lab.Near.Address6) ? p with { HasHeader = true } : p)];
        await CoexistLab.AssertAsync("before pods are enrolled", probes);

        await lab.EnrolAsync();
        await CoexistLab.AssertAsync("with pods enrolled", withHeaders);
        await lab.RestartAsync();
        await CoexistLab.AssertAsync("after a restart of the agents", withHeaders);
        await lab.RemoveAsync();
        await CoexistLab.AssertAsync("after the mesh was removed", probes);
    }

    [Theory]
    [InlineData("AUTO")]
    [InlineData("HOST_STACK")]
    public async Task Services_of_kube_proxy_answer_as_they_do_without_the_mesh(string directPath)
    {
        await using var lab = await CreateAsync(directPath);
        // Without it kube-proxy does not see the answers of a backend at the same bridge.
        await FilterAsync(lab, true);
        var (near, far, outer) = KubeProxyTests.DeclareServices(lab);
        await lab.ApplyAsync(KubeProxyTests.Rules("iptables-nft", [near, far, outer]));

        await lab.AssertUnchangedAsync([.. KubeProxyTests.To(lab.Client, near), .. KubeProxyTests.To(lab.Client, far), .. KubeProxyTests.To(lab.Plain, near), .. KubeProxyTests.To(lab.Far, near), .. lab.PodToPod()]);
    }

    [Theory]
    [InlineData("legacy")]
    [InlineData("nft")]
    public async Task A_policy_engine_refuses_and_lets_pass_by_a_Service_what_it_did(string variant)
    {
        await using var lab = await CreateAsync("AUTO");
        await FilterAsync(lab, true);
        var (near, far, outer) = KubeProxyTests.DeclareServices(lab);
        PodPolicy[] policies = [new(lab.Client, From: [lab.Plain], To: [lab.Far]), new(lab.Near), new(lab.Far), new(lab.Plain), new(lab.Outer)];
        await lab.ApplyAsync(KubeProxyTests.Rules("iptables-" + variant, [near, far, outer]));
        await lab.ApplyAsync(PolicyEngineRules.KubeRouter(policies, variant));
        lab.Mesh.Objects.Write("workload-client", MeshObjects.Workload(lab.Client, lab.Client.Name));
        lab.Mesh.Objects.Write("networkpolicy-client", policies[0].ToObject());
        Probe[] refused = [.. KubeProxyTests.To(lab.Client, near), .. KubeProxyTests.To(lab.Client, outer)];
        Probe[] answered = [.. KubeProxyTests.To(lab.Client, far), .. KubeProxyTests.To(lab.Plain, near), .. KubeProxyTests.To(lab.Near, far)];
        refused = [.. refused, .. CoexistLab.InFragments(refused)];
        answered = [.. answered, .. CoexistLab.InFragments(answered)];

        await lab.AssertUnchangedAsync([.. refused, .. answered], refused);
    }

    [Theory]
    [InlineData("legacy", "-s {2} -d {3}")]
    [InlineData("nft", "-m physdev --physdev-in {0} --physdev-out {1}")]
    public async Task What_rules_refuse_between_ports_of_the_bridge_stays_refused(string variant, string match)
    {
        await using var lab = await CreateAsync("AUTO");
        await FilterAsync(lab, true);
        foreach (var (iptables, family) in new[] { ("iptables", TestFamily.IPv4), ("ip6tables", TestFamily.IPv6) })
        {
            string refusal = string.Format(CultureInfo.InvariantCulture, match, lab.Client.HostInterface, lab.Near.HostInterface, MeshFixture.AddressOf(lab.Client, family), MeshFixture.AddressOf(lab.Near, family));
            await lab.Mesh.Nodes[0].Place.ScriptAsync($"{iptables}-{variant} -A FORWARD {refusal} -j DROP");
        }

        Probe[] refused = [.. CoexistLab.Between((lab.Client, lab.Near))];
        Probe[] answered = [.. CoexistLab.Between((lab.Near, lab.Plain), (lab.Plain, lab.Near), (lab.Client, lab.Plain), (lab.Client, lab.Far), (lab.Far, lab.Near), (lab.Outer, lab.Near))];
        await lab.AssertUnchangedAsync([.. refused, .. answered], refused);
    }

    [Theory]
    [InlineData(TestFamily.IPv4)]
    [InlineData(TestFamily.IPv6)]
    [Trait("Category", "Attack")]
    public async Task Attack_a_pod_of_the_bridge_does_not_speak_in_anothers_session(TestFamily family)
    {
        await using var lab = await CreateAsync("AUTO");
        await lab.EnrolAsync();
        await using var server = UdpPeer.StartEcho(lab.Far, family);
        using var client = UdpPeer.Connect(lab.Client, server.EndPoint);
        // The kernel keeps a route with the proxy's socket once that has got some.
        for (var i = 0; i < 5; i++) await UdpPeer.ExchangeAsync(client, "the client's own"u8.ToArray(), tries: 5);
        var before = server.Received;

        var forged = Packet.OfUdp((IPEndPoint)client.LocalEndPoint!, server.EndPoint, payload: 32);
        await RawPackets.SendAsync(lab.Plain, [.. Enumerable.Repeat(forged, 20)]);
        // It comes after them, by the same bridge and the same tunnel.
        await UdpPeer.ExchangeAsync(client, "the client's second"u8.ToArray());
        Assert.Equal(before + 1, server.Received);
    }

    [Fact]
    public async Task Pods_whose_captured_packets_a_firewall_drops_are_not_enrolled()
    {
        await using var lab = await CreateAsync("AUTO", "host");

        // Routing believes what comes from a pod only when it comes by the bridge.
        await lab.ApplyAsync("for c in /proc/sys/net/ipv4/conf/*/rp_filter; do echo 1 > $c; done; nft 'table inet fence { chain in { type filter hook input priority 0; iifname \"cni0\" meta l4proto { tcp, udp } ct state new drop; }; }'");
        var probes = lab.PodToPod();
        await CoexistLab.AssertAsync("before pods are enrolled", probes);
        await lab.EnrolAsync();
        foreach (var node in lab.Mesh.Nodes)
        {
            await LabWait.UntilAsync(
                $"no pod of {node.Name} is in the mesh",
                async () => (await node.StatusAsync()).Workloads is { Count: > 0 } pods && pods.All(w => w.Interface.Length == 0 && w.Error.Contains("does not reach the proxy (IPv4 and IPv6)", StringComparison.Ordinal)),
                TimeSpan.FromSeconds(60));
        }
        await CoexistLab.AssertAsync("with pods refused", probes);
    }

    private static async Task<CoexistLab> CreateAsync(string directPath, string capture = "auto")
    {
        Assert.SkipUnless(Directory.Exists("/proc/sys/net/bridge"), "the kernel has no br_netfilter");
        var lab = await CoexistLab.CreateAsync(new MeshLabOptions { Capture = capture });
        try
        {
            lab.Mesh.Objects.Write("mesh", CoexistLab.MeshConfig + $"  directPath: {directPath}\n");
            await lab.ApplyAsync(Bridge);
            await FilterAsync(lab, false);
            foreach (LabPod pod in new[] { lab.Client, lab.Near, lab.Far, lab.Plain, lab.Outer }) await pod.ScriptAsync(Neighbours(pod));
            return lab;
        }
        catch
        {
            await lab.DisposeAsync();
            throw;
        }
    }

    // The pods of its node are on its link, and its router is whoever says so.
    private static string Neighbours(LabPod pod) => $"""
        ip neigh del 169.254.1.1 dev eth0
        ip -6 neigh del fe80::1 dev eth0
        ip route add {new IPNetwork(MaskedTo(pod.Address4, 24), 24)} dev eth0
        ip -6 route add {new IPNetwork(MaskedTo(pod.Address6, 64), 64)} dev eth0
        """;

    private static IPAddress MaskedTo(IPAddress address, int bits)
    {
        byte[] bytes = address.GetAddressBytes();
        bytes.AsSpan(bits / 8).Clear();
        return new IPAddress(bytes);
    }

    private static Task FilterAsync(CoexistLab lab, bool on) =>
        lab.ApplyAsync($"sysctl -qw net.bridge.bridge-nf-call-iptables={(on ? 1 : 0)} net.bridge.bridge-nf-call-ip6tables={(on ? 1 : 0)}");
}
