using System.CommandLine;
using Culvert.Cli.CommandLine;
using Culvert.Cli.Installation;

namespace Culvert.Cli.Commands;

/// <summary><c>culvert upgrade</c></summary>
internal static class UpgradeCommand
{
    private static readonly Option<bool> DryRun = new("--dry-run") { Description = "Write the objects to standard output as they would be, with the options that are kept in the cluster, and change nothing." };

    public static Command Create()
    {
        var command = new ExampleCommand(
            "upgrade",
            "Put this program's version in the place of the one that is installed: kinds, controller, then agents, one node after the other. Options that are not given stay as they were said before, but for --image-tag.",
            new Example("culvert upgrade", "to this program's version"),
            new Example("culvert upgrade --image-tag 0.1.1", "to images of another tag"),
            new Example("culvert upgrade --dry-run | kubectl diff -f -", "what it would change"),
            new Example("culvert upgrade --image-prefix registry.example.com/mesh", "the same version, another option"))
        {
            Codes = [(ExitCode.Ok, "all agents are ready, and connected to a controller, or the objects are written"), (ExitCode.Failed, "something was not ready in time; it is named")],
        };
        InstallCommandOptions.AddTo(command);
        command.Options.Add(DryRun);
        ClusterSession.AddOptions(command);
        command.SetAction(RunAsync);
        return command;
    }

    private static Task<int> RunAsync(ParseResult result, CancellationToken cancellationToken) => ClusterSession.RunAsync(result, async session =>
    {
        var installer = new Installer(session.Cluster, session.Progress);
        var server = await session.Client.ReadVersionAsync(cancellationToken);
        var there = await installer.FindAsync(cancellationToken) ?? throw new CliException(ExitCode.BadInput, "Culvert is not installed in this cluster", "culvert install");
        var options = InstallCommandOptions.Of(result).Over(there);
        if (options.CniFolders != there.CniFolders)
        {
            throw new CliException(
                ExitCode.BadInput,
                $"the CNI's folders can't be changed while nodes have Culvert's plugin in {there.CniFolders.Conf} and {there.CniFolders.Bin}: it would stay there, and no pod start without an agent",
                Installer.OtherFoldersRemedy);
        }

        var plan = installer.Plan(options, server);
        if (result.GetValue(DryRun))
        {
            await installer.KeepReplicasAsync(plan, cancellationToken);
            InstallCommandOptions.Print(result, plan);
            return;
        }

        await installer.CheckAddressAsync(options, cancellationToken);
        await installer.ApplyAsync(plan, session.Deadline, cancellationToken);
        session.Progress.Tell("done", $"Culvert {options.ImageTag ?? ProgramVersion.Release} is installed.");
    }, writesObjects: result.GetValue(DryRun));
}
