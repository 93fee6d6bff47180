using System.CommandLine;
using Culvert.Cli.Admin;
using Culvert.Cli.CommandLine;
using Culvert.Cli.Output;

namespace Culvert.Cli.Commands;

/// <summary><c>culvert identity rotate</c></summary>
internal static class IdentityRotateCommand
{
    private static readonly Argument<string?> Identity = new("SPIFFE-ID") { Description = "The identity, as `culvert identity list` shows it.", Arity = ArgumentArity.ZeroOrOne };

    private static readonly Option<bool> All = new("--all") { Description = "Every identity of this node, and the node's own." };

    private static readonly Option<int> Timeout = new("--timeout")
    {
        Description = "How long to wait for the new certificates.",
        HelpName = "SECONDS",
        DefaultValueFactory = _ => 30,
        Validators = { result => GlobalOptions.RequireRange(result, 1, 600) },
    };

    public static Command Create()
    {
        var command = new ExampleCommand(
            "rotate",
            "Have the agent renew a certificate now, and wait until the new one is in use. Where none comes the one before stays in use.",
            new Example("culvert identity rotate spiffe://cluster.local/ns/shop/sa/web", "one"),
            new Example("culvert identity rotate --all --timeout 120", "every one of this node"))
        {
            Codes = [(ExitCode.Ok, "all have been renewed"), (ExitCode.Failed, "one has not, in this time; the reason is said")],
        };
        command.Arguments.Add(Identity);
        command.Options.Add(All);
        command.Options.Add(Timeout);
        command.SetAction(RunAsync);
        return command;
    }

    private static async Task<int> RunAsync(ParseResult result, CancellationToken cancellationToken)
    {
        var named = result.GetValue(Identity);
        if (named is null != result.GetValue(All))
        {
            throw new CliException(ExitCode.Usage, "rotate renews one identity, or with --all every one", "name the one, or say `culvert identity rotate --all`");
        }

        var identity = named is null ? null : IdentityCommand.Require(named);
        using var admin = new AdminClient(result.GetValue(GlobalOptions.AdminSocket)!);
        var report = IdentityMapping.ToReport(await admin.RotateIdentitiesAsync(identity, TimeSpan.FromSeconds(result.GetValue(Timeout)), cancellationToken));
        var output = result.InvocationConfiguration.Output;
        new Printer(result).Print(report, json => json.IdentityRotateReport, _ => IdentityText.Write(output, report));
        return (int)(report.Rotations.All(r => r.Error is null) ? ExitCode.Ok : ExitCode.Failed);
    }
}
