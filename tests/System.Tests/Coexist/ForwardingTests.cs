using System.Net.Sockets;
using Culvert.Labs;

namespace Culvert.SystemTests.Coexist;

/// <summary>What the node's own forwarding hands on to no pod it does not hand on when both are in the mesh: routes and settings of whatever kind, none of which a redirected packet would meet.</summary>
public sealed class ForwardingTests
{
    [Theory]
    [Trait("Category", "Attack")]
    [InlineData("a refusing route of the table local", "ip route add prohibit $near4/32 table local; ip -6 route add prohibit $near6/128 table local metric 1", "IPv4 IPv6")]
    [InlineData("a refusing route for one source", "ip -6 route add prohibit $near6/128 from $client6/128 metric 2000", "IPv6")]
    [InlineData("a route to another machine", "ip route replace $near4/32 via $other4; ip -6 route add $near6/128 via $other6 dev eth0 metric 1", "IPv4 IPv6")]
    [InlineData("no route", "ip -6 route del default || :; ip -6 route del $near6/128", "IPv6")]
    [InlineData("IPv6 that is off at the link of who is asked", "sysctl -qw net.ipv6.conf.cvnear.disable_ipv6=1", "IPv6")]
    [InlineData("IPv6 that is off at the link of who asks", "sysctl -qw net.ipv6.conf.cvclient.disable_ipv6=1", "IPv6")]
    public async Task Attack_what_the_node_refuses_to_forward_between_two_of_its_pods_stays_refused(string name, string script, string families)
    {
        await using var lab = await CoexistLab.CreateAsync();
        await lab.Client.Node.ScriptAsync(WithAddresses(lab, script));
        Probe[] probes = [.. CoexistLab.Between((lab.Client, lab.Near))];
        Probe[] refused = [.. probes.Where(p => families.Contains(p.To.AddressFamily == AddressFamily.InterNetwork ? "IPv4" : "IPv6", StringComparison.Ordinal))];
        await CoexistLab.AssertAsync($"{name}: before pods are enrolled", probes, refused);
        await lab.EnrolAsync();
        await CoexistLab.AssertAsync($"{name}: with pods enrolled", probes, refused);
        await lab.RestartAsync();
        await CoexistLab.AssertAsync($"{name}: after a restart of the agents", probes, refused);
        await lab.RemoveAsync();
        await CoexistLab.AssertAsync($"{name}: after the mesh was removed", probes, refused);
    }

    // Of the second nobody tells: it is found at the next look.
    [Theory]
    [Trait("Category", "Attack")]
    [InlineData("ip route add prohibit $near4/32 table local; ip -6 route add prohibit $near6/128 table local metric 1")]
    [InlineData("sysctl -qw net.ipv4.conf.cvclient.forwarding=0; sysctl -qw net.ipv6.conf.cvnear.disable_ipv6=1")]
    public async Task Attack_what_the_node_begins_to_refuse_is_refused_from_then_on(string script)
    {
        await using var lab = await CoexistLab.CreateAsync();
        await lab.EnrolAsync();
        Probe[] probes = [.. CoexistLab.Between((lab.Client, lab.Near))];
        await CoexistLab.AssertAsync("with pods enrolled", probes);
        await lab.Client.Node.ScriptAsync(WithAddresses(lab, script));
        await LabWait.UntilAsync("the agent knows of it", async () => (await lab.Mesh.Nodes[0].StatusAsync()).Workloads.Any(w => w.HostStackReason.Length > 0), TimeSpan.FromSeconds(45));
        await CoexistLab.AssertAsync("with what is refused now", probes, probes);
    }

    [Fact]
    [Trait("Category", "Attack")]
    public async Task Attack_rules_that_leave_a_pod_without_routes_leave_it_so()
    {
        await using var lab = await CoexistLab.CreateAsync();
        await lab.Client.Node.ScriptAsync(WithAddresses(lab, """
            ip rule add pref 32000 not from $client4 lookup main; ip rule del pref 32766
            ip -6 rule add pref 32000 not from $client6 lookup main; ip -6 rule del pref 32766
            """));
        Probe[] refused = [.. CoexistLab.Between((lab.Client, lab.Near))];
        await CoexistLab.AssertAsync("before pods are enrolled", refused, refused);
        await lab.EnrolAsync();
        await CoexistLab.AssertAsync("with pods enrolled", refused, refused);
        Assert.Contains((await lab.Mesh.Nodes[0].StatusAsync()).DirectPath.Reasons, r => r.Contains("no rule leads all packets to the table main", StringComparison.Ordinal));
    }

    private static string WithAddresses(CoexistLab lab, string script)
    {
        var other = lab.Far.Node;
        return $"client4={lab.Client.Address4} client6={lab.Client.Address6} near4={lab.Near.Address4} near6={lab.Near.Address6} other4={other.Address4} other6={other.Address6}\n{script}";
    }
}
