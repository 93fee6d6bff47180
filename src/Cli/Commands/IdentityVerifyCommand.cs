using System.CommandLine;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Culvert.Cli.Admin;
using Culvert.Cli.CommandLine;
using Culvert.Cli.Output;

namespace Culvert.Cli.Commands;

/// <summary><c>culvert identity verify</c></summary>
internal static class IdentityVerifyCommand
{
    private static readonly Argument<string?> PemFile = new("FILE") { Description = "PEM file with a certificate and what leads from it to a root; without it those in use are verified.", Arity = ArgumentArity.ZeroOrOne };

    public static Command Create()
    {
        var command = new ExampleCommand(
            "verify",
            "Verify certificates as peers do, against the node's trust bundle: those in use on this node, or one of a file. Names every rule that one breaks.",
            new Example("culvert identity verify", "every one in use"),
            new Example("culvert identity verify svid.pem", "one that somebody else has signed"))
        {
            Codes = [(ExitCode.Ok, "no rule is broken"), (ExitCode.Failed, "a certificate breaks a rule, or is not there")],
        };
        command.Arguments.Add(PemFile);
        command.SetAction(RunAsync);
        return command;
    }

    private static async Task<int> RunAsync(ParseResult result, CancellationToken cancellationToken)
    {
        var chain = result.GetValue(PemFile) is { } file ? await ReadAsync(file, cancellationToken) : null;
        using var admin = new AdminClient(result.GetValue(GlobalOptions.AdminSocket)!);
        var response = await admin.IdentitiesAsync(identity: null, cancellationToken);
        var now = TimeProvider.System.GetUtcNow();
        var report = chain is null ? IdentityMapping.Verify(response, now) : IdentityMapping.Verify(response, result.GetValue(PemFile)!, chain, now);
        var output = result.InvocationConfiguration.Output;
        new Printer(result).Print(report, json => json.IdentityVerifyReport, _ => IdentityText.Write(output, report));
        return (int)(report.Passed ? ExitCode.Ok : ExitCode.Failed);
    }

    private static async Task<IReadOnlyList<ReadOnlyMemory<byte>>> ReadAsync(string file, CancellationToken cancellationToken)
    {
        try
        {
            X509Certificate2Collection certificates = [];
            certificates.ImportFromPem(await File.ReadAllTextAsync(file, cancellationToken));
            return certificates.Count > 0 ? [.. certificates.Select(c => c.RawDataMemory)] : throw new CliException(ExitCode.BadInput, $"{file}: the file has no certificate", "give a PEM file, the certificate first");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or CryptographicException)
        {
            throw new CliException(ExitCode.BadInput, $"{file}: {e.Message.TrimEnd('.')}", "give a PEM file, the certificate first", e);
        }
    }
}
