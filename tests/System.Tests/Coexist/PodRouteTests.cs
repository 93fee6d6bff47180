using Culvert.Labs;
using Culvert.Labs.Mesh;

namespace Culvert.SystemTests.Coexist;

/// <summary>
/// Routes of each pod's own, in the shape of the AWS VPC CNI: a pod whose address is of a further interface of the node leaves by that, by a rule about its source; what comes in by the first interface is told by a mark of its
/// connection and answered there; what goes elsewhere is the node's. Tunnels are opened from the pods' addresses there, which the security groups of their interfaces are about.
/// </summary>
public sealed class PodRouteTests
{
    // Pods' addresses are of the second interface, whose table knows the other node and nothing else.
    private const string Rules = """
        n=$1 m=$((3 - $1))
        ip link add link eth0 name eth1 type macvlan mode bridge
        ip address add 10.90.0.1$n/24 dev eth1 noprefixroute
        ip -6 address add fd90::1$n/64 dev eth1 noprefixroute nodad
        ip link set eth1 up
        ip route add 10.90.0.$m dev eth1 scope link table 2
        ip route add 10.91.$m.0/24 via 10.90.0.$m dev eth1 table 2
        ip -6 route add fd90::$m dev eth1 table 2
        ip -6 route add fd91:$m::/32 via fd90::$m dev eth1 table 2
        for family in -4 -6; do
          ip $family rule add pref 1024 fwmark 0x80/0x80 lookup main
          for port in $(ip -o link show type veth | sed 's/^[0-9]*: \([^@:]*\).*/\1/' | grep '^cv'); do
            address=$(ip $family route show dev "$port" | grep -v '^fe80' | cut -d' ' -f1)
            ip $family rule add pref 512 to "$address" lookup main
            ip $family rule add pref 1536 from "$address" lookup 2
          done
        done
        for tool in "iptables 10.0.0.0/8 10.91.0.0/16" "ip6tables fd00::/8 fd91::/16"; do
        set -- $tool
        $1-nft-restore <<END
        *mangle
        -A PREROUTING -i eth0 -m comment --comment "AWS, primary ENI" -m addrtype --dst-type LOCAL --limit-iface-in -j CONNMARK --set-xmark 0x80/0x80
        -A PREROUTING -i cv+ -m comment --comment "AWS, primary ENI" -j CONNMARK --restore-mark --nfmask 0x80 --ctmask 0x80
        COMMIT
        *filter
        -A INPUT -p tcp --dport 15008 ! -s $3 -j DROP
        -A OUTPUT -o eth0 -p tcp --dport 15008 -s $3 -j DROP
        COMMIT
        *nat
        :AWS-SNAT-CHAIN-0 - [0:0]
        :AWS-CONNMARK-CHAIN-0 - [0:0]
        -A PREROUTING -i cv+ -m comment --comment "AWS, outbound connections" -j AWS-CONNMARK-CHAIN-0
        -A PREROUTING -m comment --comment "AWS, CONNMARK" -j CONNMARK --restore-mark --nfmask 0x80 --ctmask 0x80
        -A POSTROUTING -m comment --comment "AWS SNAT CHAIN" -j AWS-SNAT-CHAIN-0
        -A AWS-CONNMARK-CHAIN-0 -d $2 -j RETURN
        -A AWS-CONNMARK-CHAIN-0 -m comment --comment "AWS, CONNMARK" -j CONNMARK --set-xmark 0x80/0x80
        -A AWS-SNAT-CHAIN-0 -d $2 -j RETURN
        -A AWS-SNAT-CHAIN-0 ! -o vlan+ -m comment --comment "AWS, SNAT" -m addrtype ! --dst-type LOCAL -j MASQUERADE --random-fully
        COMMIT
        END
        done
        """;

    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(60); // agents look every 30 s

    // A pod with a security group: all that it sends goes to the network's router, which is the other node here, and also what is for pods of its own node.
    private const string SecurityGroup = """
        ip rule add pref 10 iif cvnear lookup 101
        ip -6 rule add pref 10 iif cvnear lookup 101
        ip route add default via 10.90.0.2 dev eth0 table 101
        ip -6 route add default via fd90::2 dev eth0 table 101
        """;

    [Fact]
    public async Task A_pod_whose_packets_leave_the_node_before_they_reach_its_neighbours_is_not_captured()
    {
        // Answers take another way than questions.
        await using var lab = await CoexistLab.CreateAsync(new MeshLabOptions { Lab = new LabOptions { ReversePathFilter = 0 } });
        await lab.Mesh.Nodes[0].Place.ScriptAsync(SecurityGroup);
        await lab.Mesh.Nodes[1].Place.ScriptAsync($"""
            iptables-nft -A FORWARD -s {lab.Near.Address4} -d {lab.Plain.Address4} -j DROP
            ip6tables-nft -A FORWARD -s {lab.Near.Address6} -d {lab.Plain.Address6} -j DROP
            """);
        Probe[] refused = [.. CoexistLab.Between((lab.Near, lab.Plain), (lab.Plain, lab.Near))], probes = [.. lab.PodToPod(), .. CoexistLab.Between((lab.Near, lab.Plain), (lab.Near, lab.Far))];
        await CoexistLab.AssertAsync("before pods are enrolled", probes, refused);

        await lab.EnrolAsync();
        await LabWait.UntilAsync("near is refused", async () => (await lab.Mesh.Nodes[0].StatusAsync()).Workloads.Any(w => w.Error.Contains("a routing rule leads what comes in by cvnear out by eth0, what is for ", StringComparison.Ordinal)), Deadline);
        await LabWait.UntilAsync("node2 takes near for a pod outside the mesh", async () => !await lab.IsTunnelledAsync(lab.Far, lab.Near), Deadline);
        await CoexistLab.AssertAsync("with near refused", probes, refused);
        await lab.AssertMeshedAsync();
        await lab.RestartAsync();
        await CoexistLab.AssertAsync("after a restart of the agents", probes, refused);
        await lab.RemoveAsync();
        await CoexistLab.AssertAsync("after the mesh was removed", probes, refused);
    }

    [Fact]
    public async Task A_pod_whose_packets_leave_the_node_only_where_they_go_elsewhere_is_captured()
    {
        await using var lab = await CoexistLab.CreateAsync(new MeshLabOptions { Lab = new LabOptions { ReversePathFilter = 0 } });
        await lab.Mesh.Nodes[0].Place.ScriptAsync($"{SecurityGroup}\nip rule add pref 5 to 10.91.1.0/24 lookup main\nip -6 rule add pref 5 to fd91:1::/32 lookup main");
        await lab.AssertUnchangedAsync(lab.PodToPod());
    }

    [Fact]
    public async Task What_pods_with_routes_of_their_own_could_do_they_can_do_in_the_mesh()
    {
        await using var lab = await CoexistLab.CreateAsync(new MeshLabOptions { NameUplinks = false });
        await lab.ApplyAsync(Rules);
        await lab.AssertUnchangedAsync(lab.PodToPod());
    }
}
