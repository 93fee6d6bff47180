using System.Text.RegularExpressions;
using Culvert.Tests.Shared;

namespace Culvert.Core.Tests;

/// <summary>The threat model in SECURITY.md names every class of attacks, and no test that there is not.</summary>
public sealed class ThreatModelTests
{
    // These show a claim without attacking: make test runs them, make test-attacks does not.
    private static readonly string[] Others =
    [
        "DirectFlowTests", "FullDiskTests", "MeshConfigTests", "NetworkPolicyTests", "NodeAuthenticationTests", "PathOracleTests", "RotationTests", "TunnelIdentityTests", "UdpPolicyTests",
    ];

    private static readonly Dictionary<string, string[]> Tests = Directory.GetFiles(Repository.PathOf("tests"), "*Tests.cs", SearchOption.AllDirectories)
        .GroupBy(f => Path.GetFileNameWithoutExtension(f)).ToDictionary(g => g.Key, g => g.Select(File.ReadAllText).ToArray(), StringComparer.Ordinal);

    private static readonly string[] Named = [.. Regex.Matches(Model(), "`([A-Za-z]+Tests)`").Select(m => m.Groups[1].Value).Distinct().Order(StringComparer.Ordinal)];

    [Fact]
    public void EveryClassOfAttacksIsInTheThreatModel() =>
        Assert.Empty(Tests.Where(t => t.Value.Any(s => Regex.IsMatch(s, """^\[.*\("Category", "Attack"\)""", RegexOptions.Multiline))).Select(t => t.Key).Except(Named));

    [Fact]
    public void EveryTestOfTheThreatModelAttacksOrIsKnownNotTo() =>
        Assert.Equal(Others, Named.Where(n => !Tests.TryGetValue(n, out string[]? sources) || !sources.Any(s => s.Contains("(\"Category\", \"Attack\")", StringComparison.Ordinal))));

    private static string Model()
    {
        string text = File.ReadAllText(Repository.PathOf("SECURITY.md"));
        return text[text.IndexOf("## Threat model", StringComparison.Ordinal)..];
    }
}
