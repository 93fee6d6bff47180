using System.Text.RegularExpressions;
using Culvert.Tests.Shared;

namespace Culvert.Core.Tests;

/// <summary>The threat model in SECURITY.md names every class of attacks, and no test that there is not; what is called an attack is run as one.</summary>
public sealed class ThreatModelTests
{
    private const string AttackTrait = "(\"Category\", \"Attack\")";

    // These show a claim without attacking: make test runs them, make test-attacks does not.
    private static readonly string[] Others = ["DirectFlowTests", "KubernetesAttestorTests", "MeshConfigTests", "PathOracleTests", "PodTableTests", "PolicyCompilerTests", "ReviewCostTests", "RotationTests", "ServiceAccountTokenTests", "SvidStoreTests"];

    private static readonly Dictionary<string, string[]> Tests = Directory.GetFiles(Repository.PathOf("tests"), "*Tests.cs", SearchOption.AllDirectories)
        .GroupBy(f => Path.GetFileNameWithoutExtension(f)).ToDictionary(g => g.Key, g => g.Select(File.ReadAllText).ToArray(), StringComparer.Ordinal);

    private static readonly string[] Named = [.. Regex.Matches(Model(), "`([A-Za-z]+Tests)`").Select(m => m.Groups[1].Value).Distinct().Order(StringComparer.Ordinal)];

    [Fact]
    public void EveryClassOfAttacksIsInTheThreatModel() =>
        Assert.Empty(Tests.Where(t => t.Value.Any(IsClassOfAttacks)).Select(t => t.Key).Except(Named));

    [Fact]
    public void EveryTestOfTheThreatModelAttacksOrIsKnownNotTo() =>
        Assert.Equal(Others, Named.Where(n => !Tests.TryGetValue(n, out string[]? sources) || !sources.Any(s => s.Contains(AttackTrait, StringComparison.Ordinal))));

    [Fact]
    public void EveryTestThatIsCalledAnAttackIsRunAsOne()
    {
        // What stands before a method without an empty line between them is its attributes.
        Regex attack = new("""(?<attributes>(?:^[ \t]*\S.*\n)*)^[ \t]+public [\w<> ]+ (?<name>Attack\w*)\(""", RegexOptions.Multiline);
        (string Name, bool IsRun)[] attacks =
        [
            .. from test in Tests
               from source in test.Value
               from Match match in attack.Matches(source)
               select ($"{test.Key}.{match.Groups["name"].Value}", IsClassOfAttacks(source) || match.Groups["attributes"].Value.Contains(AttackTrait, StringComparison.Ordinal)),
        ];
        Assert.NotEmpty(attacks);
        string[] left = [.. attacks.Where(a => !a.IsRun).Select(a => a.Name)];
        Assert.Empty(left);
    }

    // A class's attributes stand at the beginning of a line, those of its methods do not.
    private static bool IsClassOfAttacks(string source) => Regex.IsMatch(source, """^\[.*\("Category", "Attack"\)""", RegexOptions.Multiline);

    private static string Model()
    {
        string text = File.ReadAllText(Repository.PathOf("SECURITY.md"));
        return text[text.IndexOf("## Threat model", StringComparison.Ordinal)..];
    }
}
