using System.CommandLine;
using Culvert.Cli.CommandLine;
using Culvert.Cli.Installation;

namespace Culvert.Cli.Commands;

/// <summary><c>culvert install</c></summary>
internal static class InstallCommand
{
    private static readonly Option<bool> DryRun = new("--dry-run") { Description = "Write the objects to standard output, and ask no cluster for anything." };

    public static Command Create()
    {
        var command = new ExampleCommand(
            "install",
            "Install Culvert into a Kubernetes cluster: its kinds, the controller, an agent on every node. Waits until all of it works. Safe to run again.",
            new Example("culvert install --image-prefix registry.example.com/mesh", "images from a registry"),
            new Example("culvert install --dry-run > culvert.yaml", "the objects, to look at or to keep in a repository"),
            new Example("culvert install --controller-address 10.96.0.15", "nodes don't ask the cluster's DNS"))
        {
            Codes = [(ExitCode.Ok, "all agents are ready, and connected to a controller"), (ExitCode.Failed, "something was not ready in time; it is named")],
        };
        InstallCommandOptions.AddTo(command);
        command.Options.Add(DryRun);
        ClusterSession.AddOptions(command);
        command.SetAction(RunAsync);
        return command;
    }

    private static async Task<int> RunAsync(ParseResult result, CancellationToken cancellationToken)
    {
        var options = InstallCommandOptions.Of(result);
        if (result.GetValue(DryRun)) return InstallCommandOptions.Print(result, InstallPlan.Create(options));
        return await ClusterSession.RunAsync(result, async session =>
        {
            var installer = new Installer(session.Cluster, session.Progress);
            var server = await session.Client.ReadVersionAsync(cancellationToken);
            if (await installer.FindAsync(cancellationToken) is { } there && there != options with { ImageTag = null })
            {
                var said = InstallCommandOptions.Text(there);
                throw new CliException(
                    ExitCode.BadInput,
                    $"Culvert is installed already, with {(said.Length > 0 ? $"other options: {said}" : "no options")}",
                    there.CniFolders != options.CniFolders ? Installer.OtherFoldersRemedy : "`culvert upgrade` keeps what was said then, but for the options that it is given");
            }

            await installer.CheckAddressAsync(options, cancellationToken);
            await installer.ApplyAsync(installer.Plan(options, server), session.Deadline, cancellationToken);
            session.Progress.Tell("done", $"Culvert {options.ImageTag ?? ProgramVersion.Release} is installed. Next: kubectl label namespace NAME culvert.dev/mesh=enabled");
        });
    }
}
