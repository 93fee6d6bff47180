using Culvert.Core;
using Culvert.Interop.Abi;
using Culvert.NodeAgent.Datapath;
using Culvert.NodeAgent.Proxy.Model;
using Culvert.NodeAgent.Reasons;
using Culvert.Tests.Shared;

namespace Culvert.NodeAgent.Tests.Telemetry;

/// <summary>The table of reasons has every reason of the code once and none that there is not; <c>docs/metrics.md</c> says of each what it says.</summary>
public sealed class ReasonTableTests
{
    private static readonly string[] Lines = File.ReadAllLines(Repository.PathOf("docs/metrics.md"));

    [Fact]
    public void EveryReasonOfAPacketIsInTheTable() => Compare(ReasonUse.Packet, ReasonText.OfPackets.Select(ReasonText.Of));

    [Fact]
    public void EveryReasonOfADroppedDatagramIsInTheTable() => Compare(ReasonUse.Datagram, Enum.GetNames<DatagramDrop>().Select(ReasonText.Kebab));

    [Fact]
    public void EveryReasonOfAFailedConnectionIsInTheTable()
    {
        IEnumerable<string> failures = Enum.GetNames<ProxyFailure>().Except([nameof(ProxyFailure.None), nameof(ProxyFailure.ProxyProtocol)]).Select(ReasonText.Kebab).Append(ReasonTable.ProxyProtocolPrefix);
        IEnumerable<string> decisions = Enum.GetValues<DecisionReason>().Except([DecisionReason.None, DecisionReason.AllowedByPolicy, DecisionReason.AllowedByDefault]).Select(ReasonText.Of);
        Compare(ReasonUse.Connection, failures.Concat(decisions));
    }

    /// <summary>Where kernel and proxy decide by policy, they say the same.</summary>
    [Theory]
    [InlineData(DecisionReason.StrictMtls)]
    [InlineData(DecisionReason.DeniedByPolicy)]
    [InlineData(DecisionReason.NoAllowMatched)]
    [InlineData(DecisionReason.DeniedByDefault)]
    public void DecisionsOfPolicyHaveOneNameInKernelAndProxy(DecisionReason reason) => Assert.Equal(ReasonText.Of(reason), ReasonText.Of(GenerationBuilder.ReasonOf(reason)));

    /// <summary>Pinned counters and stored metrics go by them.</summary>
    [Fact]
    public void NumbersOfPacketsReasonsFollowEachOther() => Assert.Equal(Enumerable.Range(1, (int)CvReason.Max - 1), ReasonText.OfPackets.Select(r => (int)r));

    [Fact]
    public void NamesFindTheirReasonAndUnknownOnesNone()
    {
        Assert.All(ReasonTable.All, reason => Assert.Same(reason, ReasonTable.Find(reason.Name)));
        Assert.Same(ReasonTable.Find(ReasonTable.ProxyProtocolPrefix), ReasonTable.Find("proxy-protocol-untrusted"));
        Assert.Null(ReasonTable.Find("none-of-this-version"));
    }

    [Theory]
    [InlineData(ReasonUse.Packet, "culvert_drops_total")]
    [InlineData(ReasonUse.Connection, "culvert_tcp_connections_failed_total")]
    [InlineData(ReasonUse.Datagram, "culvert_udp_dropped_total")]
    public void TheDocumentsSayWhatTheTableSays(ReasonUse use, string metric)
    {
        int heading = Array.FindIndex(Lines, l => l.StartsWith("### ", StringComparison.Ordinal) && l.Contains($"`{metric}`", StringComparison.Ordinal));
        Assert.True(heading >= 0, $"docs/metrics.md has no heading for the reasons of {metric}");
        string[] rows = [.. Lines.Skip(heading + 1).TakeWhile(l => !l.StartsWith('#')).Where(l => l.StartsWith('|'))];
        string[] expected = ["| reason | class | answer | meaning | what to do |", "|---|---|---|---|---|", .. ReasonTable.All.Where(r => r.Use.HasFlag(use)).Select(Row)];
        Assert.True(expected.SequenceEqual(rows), $"docs/metrics.md, reasons of {metric}, should be:\n{string.Join('\n', expected)}");
    }

    private static string Row(DropReason reason)
    {
        string name = reason.Name == ReasonTable.ProxyProtocolPrefix ? $"{reason.Name}…" : reason.Name;
        return $"| `{name}` | {ReasonText.Kebab(reason.Class.ToString())} | {ReasonText.Kebab(reason.Answer.ToString())} | {reason.Text} | {reason.Remedy} |";
    }

    private static void Compare(ReasonUse use, IEnumerable<string> expected) =>
        Assert.Equal(expected.Order(StringComparer.Ordinal), ReasonTable.All.Where(r => r.Use.HasFlag(use)).Select(r => r.Name).Order(StringComparer.Ordinal));
}
