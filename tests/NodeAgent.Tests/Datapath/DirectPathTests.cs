using System.Collections.Immutable;
using Culvert.Core;
using Culvert.NodeAgent.Datapath;

namespace Culvert.NodeAgent.Tests.Datapath;

/// <summary>Which way settings and what was found on the node lead to, and what is found at interfaces.</summary>
public sealed class DirectPathTests
{
    private static readonly ImmutableArray<DirectPathReason> Rule = [new(DirectPathReasonKind.Firewall, "a rule")];

    [Theory]
    [InlineData(DirectPath.Auto, NetworkPolicyMode.Enforce, false, true, 0)]
    [InlineData(DirectPath.Auto, NetworkPolicyMode.Enforce, true, false, 1)]
    [InlineData(DirectPath.Auto, NetworkPolicyMode.Report, false, false, 1)]
    [InlineData(DirectPath.Redirect, NetworkPolicyMode.Enforce, true, true, 1)]
    [InlineData(DirectPath.HostStack, NetworkPolicyMode.Enforce, false, false, 1)]
    [InlineData(DirectPath.HostStack, NetworkPolicyMode.Report, true, false, 3)]
    public void Only_where_nothing_speaks_against_it_packets_are_redirected_by_default(DirectPath configured, NetworkPolicyMode policy, bool rule, bool redirect, int reasons)
    {
        DirectPathInForce state = DirectPathInForce.Of(new MeshSettings { DirectPath = configured, NetworkPolicy = policy }, rule ? Rule : []);
        Assert.Equal((redirect, reasons), (state.IsRedirect, state.Reasons.Length));
    }

    [Theory]
    [InlineData(true, "tc qdisc add dev up0 root tbf rate 4mbit burst 5k latency 20ms", "the qdisc tbf")]
    [InlineData(true, "tc qdisc add dev up0 clsact; tc filter add dev up0 egress protocol ip u32 match u8 0 0", "a u32 filter of others at egress")]
    [InlineData(true, "tc qdisc add dev up0 clsact; tc filter add dev up0 ingress protocol ip u32 match u8 0 0", "a u32 filter of others at ingress")]
    [InlineData(true, "tc qdisc add dev up0 ingress; tc filter add dev up0 parent ffff: protocol ip u32 match u8 0 0", "a u32 filter of others at ingress")]
    [InlineData(false, "tc filter add dev up0 egress protocol ip u32 match u8 0 0", "a u32 filter of others at egress")]
    [InlineData(true, "tc qdisc add dev up0 root pfifo", null)]
    [InlineData(true, "tc qdisc add dev up0 clsact", null)]
    [InlineData(false, "true", null)]
    public void What_others_put_at_an_interface_is_found(bool tcx, string script, string? found)
    {
        using ReconcilerFixture node = new(tcx);
        node.World.Shell("echo 1 > /proc/sys/net/ipv4/ip_forward; ip route add 10.0.0.1 dev up0");
        NodeSnapshot snapshot = ReconcilerFixture.Snapshot(ReconcilerFixture.Pod("pod", "10.0.0.1"));
        node.Apply(snapshot);
        Assert.Null(Assert.Single(node.State.Current.Endpoints).HostStackReason);

        node.World.Shell(script);
        node.World.In(() => Assert.Equal(found is null, node.Reconciler.IsCurrent(snapshot)));
        node.Apply(snapshot);
        Assert.Equal(found, Assert.Single(node.State.Current.Endpoints).HostStackReason);
    }

    [Theory]
    [InlineData("10.0.0.1", "ip route add 10.0.0.1 dev up0", null)]
    [InlineData("10.0.0.1", "true", "that no route leads to 10.0.0.1")]
    [InlineData("fd00::1", "ip -6 route add fd00::1 dev up0; echo 1 > /proc/sys/net/ipv6/conf/all/forwarding", null)]
    [InlineData("10.0.0.1", "ip route add blackhole 10.0.0.0/24; ip route add 10.0.0.1 dev up0", null)]
    [InlineData("10.0.0.1", "ip route add 10.0.0.1 dev up0; echo 0 > /proc/sys/net/ipv4/conf/up0/forwarding", "net.ipv4.conf.up0.forwarding, which is 0")]
    [InlineData("10.0.0.1", "ip route add 10.0.0.1 dev up0; echo 0 > /proc/sys/net/ipv4/ip_forward", "net.ipv4.conf.up0.forwarding, which is 0")]
    [InlineData("fd00::1", "ip -6 route add fd00::1 dev up0", "net.ipv6.conf.all.forwarding, which is 0")]
    [InlineData("10.0.0.1", "ip route add prohibit 10.0.0.1", "the route prohibit 10.0.0.1/32 in table 254")]
    [InlineData("10.0.0.1", "ip route add throw 10.0.0.1", "the route throw 10.0.0.1/32 in table 254")]
    [InlineData("10.0.0.1", "ip route add 10.0.0.1 dev up0; ip route add prohibit 10.0.0.0/24 tos 8", null)]
    [InlineData("10.0.0.1", "ip route add prohibit 10.0.0.1 table local", "the route prohibit 10.0.0.1/32 in table 255")]
    [InlineData("10.0.0.1", "ip route add 10.0.0.1 dev up0; ip route add prohibit 10.0.0.1 tos 8", "the route prohibit 10.0.0.1/32 in table 254, which is for some packets only")]
    [InlineData("10.0.0.1", "ip address add 10.9.9.9/24 dev up0; ip route add 10.0.0.1 via 10.9.9.1 dev up0", null)]
    [InlineData("10.0.0.1", "ip link set lo up; ip route add 10.0.0.0/24 dev lo", "the route 10.0.0.0/24 by link 1 in table 254, which does not lead to up0")]
    [InlineData("fd00::1", "echo 1 > /proc/sys/net/ipv6/conf/all/forwarding; echo 1 > /proc/sys/net/ipv6/conf/up0/disable_ipv6", "net.ipv6.conf.up0.disable_ipv6, which is 1")]
    [InlineData("10.0.0.1", "ip route add 10.0.0.1 dev up0; echo 1 > /proc/sys/net/ipv6/conf/up0/disable_ipv6", null)]
    [InlineData("10.0.0.1", "ip link set up0 down", "the link up0, which is down")]
    public void What_keeps_the_node_from_forwarding_to_a_pod_is_found(string address, string script, string? found)
    {
        using ReconcilerFixture node = new();
        node.World.Shell($"echo 1 > /proc/sys/net/ipv4/ip_forward; {script}");
        node.Apply(ReconcilerFixture.Snapshot(ReconcilerFixture.Pod("pod", address)));
        Assert.Equal(found, Assert.Single(node.State.Current.Endpoints).HostStackReason);
    }
}
