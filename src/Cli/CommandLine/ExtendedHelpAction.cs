using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Invocation;
using System.Globalization;

namespace Culvert.Cli.CommandLine;

/// <summary>The usual help, then examples and exit codes.</summary>
internal sealed class ExtendedHelpAction(HelpAction inner) : SynchronousCommandLineAction
{
    private const string UsageTitle = "Usage:\n  ";

    private static readonly (ExitCode Code, string Meaning)[] CommonCodes =
    [
        (ExitCode.Usage, "the command line could not be understood"),
        (ExitCode.CannotConnect, "the agent or controller cannot be reached"),
        (ExitCode.BadInput, "a file, object or name given is wrong"),
        (ExitCode.Unsupported, "a privilege, program or kernel feature is missing"),
        (ExitCode.Refused, "the agent or the API server was reached, and refused or failed"),
        (ExitCode.Internal, "an error of Culvert itself"),
        (ExitCode.Interrupted, "interrupted"),
    ];

    /// <inheritdoc/>
    public override bool ClearsParseErrors => true;

    /// <inheritdoc/>
    public override int Invoke(ParseResult parseResult)
    {
        var output = parseResult.InvocationConfiguration.Output;
        using var usual = new StringWriter();
        parseResult.InvocationConfiguration.Output = usual;
        var code = inner.Invoke(parseResult);
        parseResult.InvocationConfiguration.Output = output;
        output.Write(usual.ToString().Replace(UsageTitle + "culvert", UsageTitle + CalledAs.Line("culvert"), StringComparison.Ordinal));
        var command = parseResult.CommandResult.Command as ExampleCommand;
        if (command is { Examples.Count: > 0 })
        {
            var width = command.Examples.Max(e => CalledAs.Line(e.Line).Length);
            output.WriteLine("Examples:");
            foreach (var example in command.Examples)
            {
                output.WriteLine("  " + CalledAs.Line(example.Line).PadRight(width) + "  " + example.Purpose);
            }

            output.WriteLine();
        }

        output.WriteLine("Exit codes:");
        IReadOnlyList<(ExitCode Code, string Meaning)> own = command?.Codes ?? [(ExitCode.Ok, "done")];
        foreach (var (number, meaning) in own.Concat(CommonCodes.Where(c => own.All(o => o.Code != c.Code))))
        {
            output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"  {(int)number,3}  {meaning}"));
        }

        output.WriteLine();
        return code;
    }
}
