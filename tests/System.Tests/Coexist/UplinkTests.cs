using Culvert.Labs.Mesh;

namespace Culvert.SystemTests.Coexist;

/// <summary>An overlay between the nodes, in flannel's shape, and a bridge with others' pods: the agent finds by itself where its peers' packets come in.</summary>
public sealed class UplinkTests
{
    // A VXLAN device for each family, whose own address has no subnet; by it the other node's pods. On the bridge a pod of somebody else.
    private const string Flannel = """
        n=$1 m=$((3 - $1))
        overlay() { # device, its node address, the other's, ip family, prefix of addresses, length of an address and of a subnet
          ip link add "$1" address 0a:f1:00:00:0$7:0$n mtu 1430 type vxlan id 1 local "$2" dev eth0 dstport 8472 nolearning
          ip $4 address add "$5/$6" dev "$1" $9
          ip link set "$1" up
          ip $4 neigh replace "$8" lladdr 0a:f1:00:00:0$7:0$m dev "$1" nud permanent
          bridge fdb append 0a:f1:00:00:0$7:0$m dev "$1" dst "$3"
        }
        overlay flannel.1 10.90.0.$n 10.90.0.$m -4 10.91.$n.0 32 4 10.91.$m.0 ""
        ip route replace 10.91.$m.0/24 via 10.91.$m.0 dev flannel.1 onlink
        overlay flannel-v6.1 fd90::$n fd90::$m -6 fd91:$n:: 128 6 fd91:$m:: nodad
        ip -6 route del fd91:$m::/32
        ip -6 route add fd91:$m::/32 via fd91:$m:: dev flannel-v6.1 onlink
        ip link add cni0 type bridge
        ip address add 10.200.$n.1/24 dev cni0
        ip link add vethother type veth peer name other
        ip link set vethother master cni0 up
        ip link set other up
        ip link set cni0 up
        """;

    [Fact]
    public async Task Tunnels_come_in_by_an_overlay_that_nobody_has_named_and_a_bridge_of_pods_is_no_uplink()
    {
        await using var lab = await CoexistLab.CreateAsync(new MeshLabOptions { NameUplinks = false });
        await lab.ApplyAsync(Flannel);

        await lab.AssertUnchangedAsync(lab.PodToPod());

        await lab.Mesh.Nodes[0].StartAgentAsync();
        var status = await lab.Mesh.Nodes[0].StatusAsync();
        Assert.Equal(["eth0", "flannel-v6.1", "flannel.1"], status.Programs.Where(p => p.Name == "cv_from_net").Select(p => p.Interface).Order(StringComparer.Ordinal));
    }
}
