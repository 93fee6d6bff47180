using System.Text.RegularExpressions;
using Culvert.Tests.Shared;

namespace Culvert.Core.Tests;

/// <summary>The table of threads in ARCHITECTURE.md has every thread that the agent makes, by its name.</summary>
public sealed class ThreadTableTests
{
    [Fact]
    public void EveryThreadOfTheAgentIsInTheTable()
    {
        string text = File.ReadAllText(Repository.PathOf("ARCHITECTURE.md"));
        string section = text[text.IndexOf("## Threads", StringComparison.Ordinal)..text.IndexOf("## Ports", StringComparison.Ordinal)];
        string[] named = [.. Regex.Matches(section, @"^\| `([a-zN-]+)`", RegexOptions.Multiline).Select(m => m.Groups[1].Value).Order(StringComparer.Ordinal)];

        string[] sources = [.. Directory.GetFiles(Repository.PathOf("src/NodeAgent"), "*.cs", SearchOption.AllDirectories).Select(File.ReadAllText)];
        string[] made = [.. sources.SelectMany(s => Regex.Matches(s, @"new Thread\(\w+\) \{ Name = \$?""([^""]+)""")).Select(m => Regex.Replace(m.Groups[1].Value, @"\{\w+\}", "N")).Order(StringComparer.Ordinal)];
        Assert.Equal(sources.Sum(s => Regex.Count(s, @"\bnew Thread\(")), made.Length);
        Assert.Equal(made, named);
    }
}
