using System.Text.RegularExpressions;
using System.Xml.Linq;
using Culvert.Tests.Shared;

namespace Culvert.Core.Tests;

/// <summary>docs/design/dependencies.md names every package, and no other.</summary>
public sealed partial class DependenciesTests
{
    [Fact]
    public void TheTableOfPackagesIsDirectoryPackagesProps()
    {
        string text = File.ReadAllText(Repository.PathOf("docs/design/dependencies.md"));
        Match section = Section().Match(text);
        Assert.True(section.Success, "docs/design/dependencies.md has no section \"Packages\" with a table.");
        string[][] rows = [.. section.Groups[1].Value.Split('\n').Where(l => l.StartsWith("| ", StringComparison.Ordinal)).Skip(1)
            .Select(l => l.Trim('|', ' ').Split('|', StringSplitOptions.TrimEntries))];
        Assert.All(rows, r => Assert.True(r.Length == 4 && r.All(c => c.Length > 0), $"The row of {r[0]} has an empty column, or not four."));
        string[] listed = [.. rows.Select(r => r[0])];
        Assert.Equal(listed.Order(StringComparer.OrdinalIgnoreCase), listed);
        string[] packages = [.. XDocument.Load(Repository.PathOf("Directory.Packages.props")).Descendants()
            .Where(e => e.Name.LocalName is "PackageVersion" or "GlobalPackageReference")
            .Select(e => e.Attribute("Include")!.Value)];
        Assert.NotEmpty(packages);
        AssertNone("lacks", packages.Except(listed, StringComparer.Ordinal));
        AssertNone("has a row for what Directory.Packages.props lacks:", listed.Except(packages, StringComparer.Ordinal));
    }

    private static void AssertNone(string what, IEnumerable<string> names)
    {
        string[] wrong = [.. names];
        Assert.True(wrong.Length == 0, $"docs/design/dependencies.md {what} {string.Join(", ", wrong)}");
    }

    // Up to the next heading.
    [GeneratedRegex(@"^## Packages\n(.*?)(?=^#)", RegexOptions.Multiline | RegexOptions.Singleline)]
    private static partial Regex Section();
}
