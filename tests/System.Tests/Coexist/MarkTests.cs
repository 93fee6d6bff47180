using Culvert.Labs.Mesh;

namespace Culvert.SystemTests.Coexist;

/// <summary>Others write their own bits of packets' marks, or look at them; Culvert's are others.</summary>
public sealed class MarkTests
{
    // What Calico does with each packet that comes from a workload, before and after its policy: all of its bits are cleared.
    private const string Calico = """
        for v in legacy nft; do for i in iptables ip6tables; do $i-$v-restore <<'END'
        *raw
        :cali-PREROUTING - [0:0]
        -A PREROUTING -j cali-PREROUTING
        -A cali-PREROUTING -j MARK --and-mark 0x0000ffff
        -A cali-PREROUTING -i cv+ -j MARK --set-xmark 0x40000/0x40000
        COMMIT
        *mangle
        :cali-POSTROUTING - [0:0]
        -A POSTROUTING -j cali-POSTROUTING
        -A cali-POSTROUTING -j MARK --and-mark 0x0000ffff
        COMMIT
        END
        done; done
        """;

    [Fact]
    public async Task Captured_packets_keep_their_mark_where_Calico_clears_its_own()
    {
        await using var lab = await CoexistLab.CreateAsync();
        await lab.ApplyAsync(Calico);
        await lab.AssertUnchangedAsync(lab.PodToPod());
    }

    /// <summary>kube-router lets pass what has its bit 0x10000, which nobody else may set: far is not to be reached by plain, nor outer by anybody of node1.</summary>
    [Theory]
    [InlineData("legacy")]
    [InlineData("nft")]
    public async Task No_packet_has_the_mark_by_which_kube_router_lets_it_pass(string variant)
    {
        await using var lab = await CoexistLab.CreateAsync();
        await lab.ApplyAsync($"""
            for f in "iptables-{variant} {lab.Client.Address4}" "ip6tables-{variant} {lab.Client.Address6}"; do
            set -- $f
            $1-restore <<END
            *filter
            :KUBE-ROUTER-FORWARD - [0:0]
            :KUBE-POD-FW-CLIENT - [0:0]
            -A INPUT -j KUBE-ROUTER-FORWARD
            -A FORWARD -j KUBE-ROUTER-FORWARD
            -A OUTPUT -j KUBE-ROUTER-FORWARD
            -A KUBE-ROUTER-FORWARD -s $2 -j KUBE-POD-FW-CLIENT
            -A KUBE-POD-FW-CLIENT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
            -A KUBE-POD-FW-CLIENT -m mark ! --mark 0x10000/0x10000 -j REJECT
            -A KUBE-POD-FW-CLIENT -j MARK --set-xmark 0x0/0x10000
            -A KUBE-POD-FW-CLIENT -j MARK --set-xmark 0x20000/0x20000
            COMMIT
            END
            done
            """);
        var refused = CoexistLab.Between((lab.Client, lab.Far), (lab.Client, lab.Outer), (lab.Client, lab.Plain)).ToList();
        var answered = CoexistLab.Between((lab.Near, lab.Far), (lab.Plain, lab.Near), (lab.Outer, lab.Near));
        await lab.AssertUnchangedAsync([.. answered, .. refused], refused);
    }

    [Fact]
    public async Task An_agent_works_with_two_bits_that_it_was_given()
    {
        await using var lab = await CoexistLab.CreateAsync(new MeshLabOptions { AgentArguments = ["--mark-mask", "0x1001000", "--rule-priority", "7"] });
        await lab.ApplyAsync("for f in -4 -6; do ip $f rule add pref 5 fwmark 0x10/0x10 unreachable; ip $f rule add pref 6 fwmark 0x20/0x20 unreachable; done");
        await lab.AssertUnchangedAsync(lab.PodToPod());
    }
}
