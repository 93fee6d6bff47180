using System.CommandLine;
using System.Security.Cryptography;
using Culvert.Cli.Admin;
using Culvert.Cli.CommandLine;
using Culvert.Cli.Output;

namespace Culvert.Cli.Commands;

/// <summary><c>culvert identity show</c></summary>
internal static class IdentityShowCommand
{
    private static readonly Argument<string> Identity = new("SPIFFE-ID") { Description = "The identity, as `culvert identity list` shows it." };

    private static readonly Option<bool> Pem = new("--pem") { Description = "Write the certificate and what leads to a root as PEM, and nothing else; never the key." };

    public static Command Create()
    {
        var command = new ExampleCommand(
            "show",
            "Show one identity in full: its certificate and what leads to a root, and the roots of the trust bundle.",
            new Example("culvert identity show spiffe://cluster.local/ns/shop/sa/web", "for people"),
            new Example("culvert identity show spiffe://cluster.local/ns/shop/sa/web --pem | openssl x509 -text", "for other tools"))
        {
            Codes = [(ExitCode.Ok, "it has a certificate that is valid"), (ExitCode.Failed, "it has none, or one that has ended")],
        };
        command.Arguments.Add(Identity);
        command.Options.Add(Pem);
        command.SetAction(RunAsync);
        return command;
    }

    private static async Task<int> RunAsync(ParseResult result, CancellationToken cancellationToken)
    {
        var identity = IdentityCommand.Require(result.GetRequiredValue(Identity));
        using var admin = new AdminClient(result.GetValue(GlobalOptions.AdminSocket)!);
        var response = await admin.IdentitiesAsync(identity, cancellationToken);
        var report = IdentityMapping.ToShowReport(response, TimeProvider.System.GetUtcNow());
        var output = result.InvocationConfiguration.Output;
        if (!result.GetValue(Pem))
        {
            new Printer(result).Print(report, json => json.IdentityShowReport, _ => IdentityText.Write(output, report));
            return (int)(IdentityCommand.IsUsable(report.Identity) ? ExitCode.Ok : ExitCode.Failed);
        }

        if (report.Chain.Count == 0)
        {
            throw new CliException(ExitCode.Failed, $"{identity} has no certificate yet" + (report.Identity.Error is { } error ? $": {error}" : ""), "see the agent's log");
        }

        foreach (var certificate in response.Identities[0].Chain)
        {
            output.WriteLine(PemEncoding.WriteString("CERTIFICATE", certificate.Span));
        }

        return (int)(IdentityCommand.IsUsable(report.Identity) ? ExitCode.Ok : ExitCode.Failed);
    }
}
