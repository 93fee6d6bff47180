using System.CommandLine;
using Culvert.Cli.Admin;
using Culvert.Cli.CommandLine;
using Culvert.Cli.Output;

namespace Culvert.Cli.Commands;

/// <summary><c>culvert identity list</c></summary>
internal static class IdentityListCommand
{
    public static Command Create()
    {
        var command = new ExampleCommand(
            "list",
            "Show the identities that workloads of this node have, and the node's own: certificate, end, next renewal, last error.",
            new Example("culvert identity list", "as a table"),
            new Example("culvert identity list -o json | jq '.identities[] | select(.state != \"valid\")'", "those that lack a certificate"))
        {
            Codes = [(ExitCode.Ok, "every identity has a certificate that is valid"), (ExitCode.Failed, "one has none, or one that has ended")],
        };
        command.SetAction(RunAsync);
        return command;
    }

    private static async Task<int> RunAsync(ParseResult result, CancellationToken cancellationToken)
    {
        using var admin = new AdminClient(result.GetValue(GlobalOptions.AdminSocket)!);
        var report = IdentityMapping.ToListReport(await admin.IdentitiesAsync(identity: null, cancellationToken), TimeProvider.System.GetUtcNow());
        new Printer(result).Print(report, json => json.IdentityListReport, console => IdentityText.Write(console, report));
        return (int)(report.Identities.All(IdentityCommand.IsUsable) ? ExitCode.Ok : ExitCode.Failed);
    }
}
