using Culvert.Labs.Mesh;

namespace Culvert.SystemTests.Coexist;

/// <summary>Pods that are ports of a bridge, in flannel's shape: enrolled where netfilter leaves the bridge alone, and left as they are, with the reason, where it does not.</summary>
[Collection(CoexistCollection.Name)]
public sealed class BridgeTests
{
    // Every pod's veth becomes a port, and its route one by the bridge, which has the address that pods send to as their gateway's.
    private const string Bridge = """
        ip link add cni0 type bridge
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

    [Fact]
    public async Task Pods_of_a_bridge_that_netfilter_looks_into_stay_as_they_are_until_it_does_not()
    {
        await using var lab = await CoexistLab.CreateAsync();
        await lab.ApplyAsync(Bridge);
        Assert.SkipUnless(await FilterAsync(lab, true), "the kernel has no br_netfilter");
        var probes = lab.PodToPod();
        await CoexistLab.AssertAsync("before pods are enrolled", probes);

        await lab.EnrolAsync();
        await CoexistLab.AssertAsync("with netfilter at the bridge", probes);
        Assert.Equal(["client", "near"], (await lab.Mesh.Nodes[0].StatusAsync()).Workloads.Where(w => w.Error.Contains("port of the bridge cni0", StringComparison.Ordinal)).Select(w => w.Uid.Split('/')[^1]).Order());

        await FilterAsync(lab, false);
        await lab.RestartAsync();
        Assert.All((await lab.Mesh.Nodes[0].StatusAsync()).Workloads, w => Assert.Empty(w.Error));
        await CoexistLab.AssertAsync("without it", probes);
        await lab.AssertMeshedAsync();
        await lab.RemoveAsync();
        await CoexistLab.AssertAsync("after the mesh was removed", probes);
    }

    private static async Task<bool> FilterAsync(CoexistLab lab, bool on)
    {
        if (!Directory.Exists("/proc/sys/net/bridge")) return false;
        await lab.ApplyAsync($"sysctl -qw net.bridge.bridge-nf-call-iptables={(on ? 1 : 0)} net.bridge.bridge-nf-call-ip6tables={(on ? 1 : 0)}");
        return true;
    }
}
