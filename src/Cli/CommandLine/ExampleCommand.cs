using System.CommandLine;

namespace Culvert.Cli.CommandLine;

/// <summary>A command whose help ends with examples and with the exit codes it uses.</summary>
internal sealed class ExampleCommand : Command
{
    public ExampleCommand(string name, string description, params IReadOnlyList<Example> examples)
        : base(name, description) =>
        Examples = examples;

    public IReadOnlyList<Example> Examples { get; }

    /// <summary>Exit codes and their meaning for this command, beside the ones that all commands share.</summary>
    public IReadOnlyList<(ExitCode Code, string Meaning)> Codes { get; init; } = [(ExitCode.Ok, "done")];

    /// <summary>Whether the command itself listens to SIGINT and SIGTERM and decides how long stopping takes.</summary>
    public bool HandlesSignals { get; init; }
}
