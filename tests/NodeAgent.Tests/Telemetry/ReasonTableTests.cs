using System.Text.RegularExpressions;
using Culvert.Core;
using Culvert.Interop.Abi;
using Culvert.NodeAgent.Admin;
using Culvert.NodeAgent.Proxy;

namespace Culvert.NodeAgent.Tests.Telemetry;

/// <summary>The tables of reasons in docs/metrics.md name every reason of the code once, and none that there is not.</summary>
public sealed partial class ReasonTableTests
{
    private static readonly string[] Lines = File.ReadAllLines(Path.Combine(RepositoryRoot(), "docs", "metrics.md"));

    [Fact]
    public void EveryDropReasonIsInTheTable() =>
        Compare("culvert_drops_total", Enum.GetValues<CvReason>().Where(r => r is not (CvReason.None or CvReason.Max)).Select(r => ReasonText.Kebab(r.ToString())));

    [Fact]
    public void EveryReasonOfADroppedDatagramIsInTheTable() => Compare("culvert_udp_dropped_total", Enum.GetNames<DatagramDrop>().Select(ReasonText.Kebab));

    [Fact]
    public void EveryReasonOfAFailedConnectionIsInTheTable()
    {
        IEnumerable<string> failures = Enum.GetNames<ProxyFailure>().Except([nameof(ProxyFailure.None), nameof(ProxyFailure.ProxyProtocol)]).Select(ReasonText.Kebab).Append("proxy-protocol-…");
        IEnumerable<string> decisions = Enum.GetValues<DecisionReason>().Except([DecisionReason.None, DecisionReason.AllowedByPolicy, DecisionReason.AllowedByDefault]).Select(ReasonText.Of);
        Compare("culvert_tcp_connections_failed_total", failures.Concat(decisions));
    }

    private static void Compare(string metric, IEnumerable<string> expected)
    {
        int heading = Array.FindIndex(Lines, l => l.StartsWith("### ", StringComparison.Ordinal) && l.Contains($"`{metric}`", StringComparison.Ordinal));
        Assert.True(heading >= 0, $"docs/metrics.md has no heading for the reasons of {metric}");
        string[][] rows = [.. Lines.Skip(heading + 1).TakeWhile(l => !l.StartsWith('#')).Where(l => l.StartsWith("| `", StringComparison.Ordinal)).Select(l => l.Trim('|', ' ').Split(" | "))];
        Assert.All(rows, row => Assert.Equal(3, row.Length));
        string[] named = [.. rows.SelectMany(row => Code().Matches(row[0]).Select(m => m.Groups[1].Value))];
        Assert.Equal(expected.Order(StringComparer.Ordinal), named.Order(StringComparer.Ordinal));
    }

    private static string RepositoryRoot()
    {
        DirectoryInfo? folder = new(AppContext.BaseDirectory);
        while (folder is not null && !File.Exists(Path.Combine(folder.FullName, "Culvert.slnx"))) folder = folder.Parent;
        return folder?.FullName ?? throw new InvalidOperationException("Culvert.slnx was not found above the test binary.");
    }

    [GeneratedRegex("`([^`]+)`", RegexOptions.None, matchTimeoutMilliseconds: 1000)]
    private static partial Regex Code();
}
