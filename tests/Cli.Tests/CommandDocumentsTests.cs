using System.CommandLine;
using System.Text.RegularExpressions;
using Culvert.Cli.Commands;
using Culvert.Tests.Shared;

namespace Culvert.Cli.Tests;

/// <summary><c>docs/cli.md</c> has every command and each of its options, and no command that there is not.</summary>
public sealed class CommandDocumentsTests
{
    private const string Heading = "### `culvert ";

    private static readonly string[] Lines = File.ReadAllLines(Repository.PathOf("docs/cli.md"));

    public static TheoryData<string> Commands => [.. CommandList.Create().Select(c => c.Name)];

    [Fact]
    public void EveryCommandHasItsSectionInTheOrderOfTheHelpText() =>
        Assert.Equal(CommandList.Create().Select(c => c.Name), Lines.Where(IsHeading).Select(l => l[Heading.Length..].Split(' ', '`')[0]));

    [Theory]
    [MemberData(nameof(Commands))]
    public void EveryOptionOfACommandIsInItsSection(string name)
    {
        Command command = CommandList.Create().Single(c => c.Name == name);
        var section = string.Join('\n', Lines.SkipWhile(l => !l.StartsWith(Heading + name, StringComparison.Ordinal)).TakeWhile((l, i) => i == 0 || !l.StartsWith('#')));
        Assert.All(command.Options.Concat(command.Subcommands.SelectMany(s => s.Options)).Where(o => !o.Hidden && o is not System.CommandLine.Help.HelpOption), o => Assert.Matches($@"{Regex.Escape(o.Name)}(?![\w-])", section));
        Assert.All(command.Subcommands, s => Assert.Contains($"`{s.Name}", section, StringComparison.Ordinal));
    }

    private static bool IsHeading(string line) => line.StartsWith(Heading, StringComparison.Ordinal);
}
