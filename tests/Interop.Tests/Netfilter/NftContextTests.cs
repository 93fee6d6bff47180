using System.Text.Json;
using Culvert.Interop.Netfilter;
using Culvert.Interop.Tests.Support;

namespace Culvert.Interop.Tests.Netfilter;

/// <summary>libnftables in a network namespace of the test's own.</summary>
public sealed class NftContextTests
{
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(10);

    [Fact]
    public void Rules_are_made_listed_and_removed_in_the_namespace_that_was_opened()
    {
        using NamespacePair pair = new();
        using NftContext left = NftContext.Open(pair.Left);
        using NftContext right = NftContext.Open(pair.Right);

        Assert.Empty(left.Run("add table inet t\nadd chain inet t c { type filter hook forward priority -150; policy accept; }\nadd rule inet t c meta l4proto tcp meta mark and 0x30 == 0x10 accept"));

        Assert.Contains("meta l4proto 6 meta mark & 0x00000030 == 0x00000010 accept", left.Run("list ruleset"), StringComparison.Ordinal);
        Assert.Empty(right.Run("list ruleset"));
        left.Run("delete table inet t");
        Assert.Empty(left.Run("list ruleset"));
    }

    [Fact]
    public void Json_has_handles_and_numbers()
    {
        using NamespacePair pair = new();
        using NftContext nft = NftContext.Open(pair.Left);
        nft.Run("add table inet t\nadd chain inet t c { type nat hook prerouting priority dstnat - 1; }");

        using JsonDocument chains = JsonDocument.Parse(nft.RunJson("list chains"));

        JsonElement chain = chains.RootElement.GetProperty("nftables").EnumerateArray().Single(e => e.TryGetProperty("chain", out _)).GetProperty("chain");
        Assert.Equal(("nat", "prerouting", -101), (chain.GetProperty("type").GetString(), chain.GetProperty("hook").GetString(), chain.GetProperty("prio").GetInt32()));
        Assert.True(chain.GetProperty("handle").GetInt32() > 0);
    }

    [Fact]
    public void A_refusal_says_what_nft_says_and_changes_nothing()
    {
        using NamespacePair pair = new();
        using NftContext nft = NftContext.Open(pair.Left);

        NftException e = Assert.Throws<NftException>(() => nft.Run("add table inet t\nadd rule inet t nowhere accept"));

        Assert.Contains("No such file or directory", e.Message, StringComparison.Ordinal);
        Assert.Empty(nft.Run("list ruleset"));
        Assert.Contains("syntax error", Assert.Throws<NftException>(() => nft.Run("add nothing")).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_monitor_hears_of_changes_in_its_namespace_only()
    {
        using NamespacePair pair = new();
        using NftMonitor monitor = NftMonitor.Open(pair.Left);
        using NftContext left = NftContext.Open(pair.Left);
        using NftContext right = NftContext.Open(pair.Right);
        using CancellationTokenSource stop = new(Deadline);
        right.Run("add table inet elsewhere");
        Task waiting = Task.Run(() => monitor.Wait(stop.Token));
        Assert.NotSame(waiting, await Task.WhenAny(waiting, Task.Delay(TimeSpan.FromMilliseconds(200))));

        left.Run("add table inet here");

        await waiting;
        using CancellationTokenSource soon = new();
        Task second = Task.Run(() => monitor.Wait(soon.Token));
        await soon.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => second.WaitAsync(Deadline));
    }
}
