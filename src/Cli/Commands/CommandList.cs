using System.CommandLine;

namespace Culvert.Cli.Commands;

/// <summary>The commands, in the order of the help text.</summary>
internal static class CommandList
{
    public static IEnumerable<Command> Create() =>
    [
        DemoCommand.Create(),
        UpCommand.Create(),
        InstallCommand.Create(),
        UpgradeCommand.Create(),
        UninstallCommand.Create(),
        CheckCommand.Create(),
        StatusCommand.Create(),
        IdentityCommand.Create(),
        FlowsCommand.Create(),
        TopCommand.Create(),
        ExplainCommand.Create(),
        DetachCommand.Create(),
        CompletionCommand.Create(),
        VersionCommand.Create(),
    ];
}
