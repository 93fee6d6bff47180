using Culvert.Labs;
using Culvert.SystemTests.Fixtures;

namespace Culvert.SystemTests.Coexist;

/// <summary>Nodes that translate the source of what pods send to pods: what the proxy delivers in a client's name is answered to that client.</summary>
public sealed class MasqueradeTests
{
    [Theory]
    [InlineData("legacy")]
    [InlineData("nft")]
    public async Task Who_masquerades_between_pods_leaves_them_their_answers(string variant)
    {
        await using var lab = await CoexistLab.CreateAsync();
        await lab.ApplyAsync($"""
            iptables-{variant} -t nat -A POSTROUTING -s 10.91.0.0/16 -j MASQUERADE --random-fully
            ip6tables-{variant} -t nat -A POSTROUTING -s fd91::/16 -j MASQUERADE --random-fully
            """);
        await lab.AssertUnchangedAsync(lab.PodToPod());
    }

    [Fact]
    public async Task A_pod_that_comes_later_gets_what_it_is_sent_and_rules_that_come_later_change_nothing()
    {
        await using var lab = await CoexistLab.CreateAsync();
        await lab.EnrolAsync();
        await lab.ApplyAsync("iptables-nft -t nat -A POSTROUTING -s 10.91.0.0/16 -j MASQUERADE; ip6tables-nft -t nat -A POSTROUTING -s fd91::/16 -j MASQUERADE");
        await WaitForTableAsync(lab, lab.Far.Address4.ToString());
        await CoexistLab.AssertAsync("with masquerading", lab.PodToPod());
        await lab.Mesh.Nodes[1].Place.ScriptAsync("nft delete table inet culvert");
        await WaitForTableAsync(lab, lab.Far.Address4.ToString());
        await CoexistLab.AssertAsync("with the agent's table put back", lab.PodToPod());
    }

    private static Task WaitForTableAsync(CoexistLab lab, string address) => LabWait.UntilAsync(
        $"the agent's table has {address}",
        async () => (await lab.Mesh.Nodes[1].Place.ScriptAsync("nft list table inet culvert 2>/dev/null || :")).Contains(address, StringComparison.Ordinal),
        TimeSpan.FromSeconds(10));
}
