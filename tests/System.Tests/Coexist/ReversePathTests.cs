using Culvert.Labs;
using Culvert.Labs.Mesh;

namespace Culvert.SystemTests.Coexist;

/// <summary>
/// Who looks whether a packet could have come by the way that it came looks at its mark as well: with WireGuard of Calico (src_valid_mark), in Calico's raw table (rpfilter), and in that of its
/// nftables mode (fib). The mark of what is captured must not lead that look to the proxy.
/// </summary>
public sealed class ReversePathTests
{
    [Fact]
    public async Task What_is_captured_passes_the_kernels_own_filter()
    {
        await using var lab = await CoexistLab.CreateAsync(new MeshLabOptions { Lab = new LabOptions { ReversePathFilter = 1 } });
        await lab.AssertUnchangedAsync(lab.PodToPod());
    }

    [Theory]
    [InlineData("0")]
    [InlineData("1")]
    [InlineData("2")]
    public async Task What_is_captured_passes_the_kernels_own_filter_when_that_looks_at_marks(string filter)
    {
        await using var lab = await CoexistLab.CreateAsync();
        await lab.ApplyAsync($"for c in /proc/sys/net/ipv4/conf/*; do echo 1 > $c/src_valid_mark; echo {filter} > $c/rp_filter; done");
        await lab.AssertUnchangedAsync(lab.PodToPod());
    }

    [Theory]
    [InlineData("legacy")]
    [InlineData("nft")]
    public async Task What_is_captured_passes_a_filter_of_iptables(string variant)
    {
        await using var lab = await CoexistLab.CreateAsync();
        await lab.ApplyAsync($"""
            for restore in iptables-{variant}-restore ip6tables-{variant}-restore; do $restore <<'END'
            *raw
            :cali-PREROUTING - [0:0]
            -A PREROUTING -j cali-PREROUTING
            -A cali-PREROUTING -j MARK --set-xmark 0x0/0x1b0000
            -A cali-PREROUTING -i cv+ -j MARK --set-xmark 0x40000/0x40000
            -A cali-PREROUTING -m mark --mark 0x40000/0x40000 -m rpfilter --validmark --invert -j DROP
            COMMIT
            END
            done
            """);
        await lab.AssertUnchangedAsync(lab.PodToPod());
    }

    [Fact]
    public async Task What_is_captured_passes_a_filter_of_nftables()
    {
        await using var lab = await CoexistLab.CreateAsync();
        await lab.ApplyAsync("""
            nft -f - <<'END'
            table inet calico {
              chain raw-PREROUTING {
                type filter hook prerouting priority raw; policy accept;
                iifname "cv*" fib saddr . mark . iif oif missing drop
              }
            }
            END
            """);
        await lab.AssertUnchangedAsync(lab.PodToPod());
    }
}
