using System.CommandLine;
using System.Runtime.InteropServices;
using Culvert.Cli.Admin;
using Culvert.Cli.CommandLine;
using Culvert.Cli.Output;

namespace Culvert.Cli.Commands;

/// <summary><c>culvert version</c></summary>
internal static class VersionCommand
{
    public static Command Create()
    {
        var command = new ExampleCommand(
            "version",
            "Show the versions of the command line, and of the agent where one runs.",
            new Example("culvert version -o json", "for a program"));
        command.SetAction(RunAsync);
        return command;
    }

    private static async Task<int> RunAsync(ParseResult result, CancellationToken cancellationToken)
    {
        var (agent, unknown) = await AgentVersionAsync(result.GetValue(GlobalOptions.AdminSocket)!, cancellationToken);
        var report = new VersionReport(ProgramVersion.Full, RuntimeInformation.FrameworkDescription, Environment.OSVersion.Version.ToString(), agent);
        var output = result.InvocationConfiguration.Output;
        new Printer(result).Print(report, json => json.VersionReport, _ =>
        {
            output.WriteLine($"culvert {report.Version} ({report.Runtime}, Linux {report.Kernel})");
            output.WriteLine("agent   " + (report.AgentVersion ?? unknown ?? "none running"));
        });
        return (int)ExitCode.Ok;
    }

    // The version; where it can't be asked for, why.
    private static async Task<(string? Version, string? Unknown)> AgentVersionAsync(string socket, CancellationToken cancellationToken)
    {
        try
        {
            using var admin = new AdminClient(socket);
            return ((await admin.StatusAsync(cancellationToken)).AgentVersion, null);
        }
        catch (CliException e) when (e.Code == ExitCode.CannotConnect)
        {
            return (null, null);
        }
        catch (CliException e) when (e.Code == ExitCode.Unsupported)
        {
            return (null, $"not known: {e.Message}");
        }
    }
}
