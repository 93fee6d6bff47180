using System.CommandLine;
using Culvert.Cli.CommandLine;
using Culvert.Cli.Installation;

namespace Culvert.Cli.Commands;

/// <summary><c>culvert uninstall</c></summary>
internal static class UninstallCommand
{
    private static readonly Option<bool> RemoveLabels = new("--remove-labels") { Description = "Take the label culvert.dev/mesh off namespaces and pods that are in the mesh by it." };

    private static readonly Option<bool> Kinds = new("--crds") { Description = "Also delete the kinds of culvert.dev, and with them all policies and other objects of these kinds." };

    public static Command Create()
    {
        var command = new ExampleCommand(
            "uninstall",
            "Take Culvert out of a Kubernetes cluster: what agents have put into nodes, agents, controller and its namespace with the mesh's keys. Pods go on without a restart. Safe to run again.",
            new Example("culvert uninstall", "when nothing is in the mesh any more"),
            new Example("culvert uninstall --remove-labels --crds", "whatever is in it; nothing is left"))
        {
            Codes = [(ExitCode.Ok, "nothing is left but what is said to be kept"), (ExitCode.Failed, "something was not gone in time; it is named"), (ExitCode.Refused, "there are members of the mesh, or the API server refused")],
        };
        InstallCommandOptions.AddImageTo(command);
        command.Options.Add(RemoveLabels);
        command.Options.Add(Kinds);
        ClusterSession.AddOptions(command);
        command.SetAction(RunAsync);
        return command;
    }

    private static Task<int> RunAsync(ParseResult result, CancellationToken cancellationToken) => ClusterSession.RunAsync(result, async session =>
    {
        var uninstaller = new Uninstaller(session.Cluster, session.Progress);
        if (result.GetValue(RemoveLabels)) await uninstaller.RemoveLabelsAsync(cancellationToken);
        else if (await uninstaller.MembersAsync(cancellationToken) is { Count: > 0 } members)
        {
            throw new CliException(
                ExitCode.Refused,
                $"there are members of the mesh, which would be cut off from each other while nodes are emptied one after the other: {string.Join(", ", members.Take(10))}{(members.Count > 10 ? ", …" : "")}",
                "kubectl label namespace NAME culvert.dev/mesh- for each, or --remove-labels");
        }

        var there = await new Installer(session.Cluster, session.Progress).FindAsync(cancellationToken) ?? new();
        var image = InstallCommandOptions.ImageOf(result);
        await uninstaller.RunAsync(InstallPlan.Create(image.Over(there)), image != new InstallOptions(), result.GetValue(Kinds), session.Deadline, cancellationToken);
        session.Progress.Tell("done", "Culvert is taken out of this cluster.");
    });
}
