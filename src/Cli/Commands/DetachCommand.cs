using System.CommandLine;
using Culvert.Cli.Admin;
using Culvert.Cli.CommandLine;
using Culvert.Cli.Output;
using Culvert.Cli.Removal;
using Culvert.Labs;
using Culvert.NodeAgent.Hosting;
using Culvert.NodeAgent.Options;

namespace Culvert.Cli.Commands;

/// <summary><c>culvert detach</c></summary>
internal static class DetachCommand
{
    private static readonly Option<bool> All = new("--all") { Description = "Confirm: take every workload of this node out of the mesh." };

    private static readonly Option<bool> Purge = new("--purge") { Description = "Also delete the state folder: node certificate and last snapshot." };

    private static readonly Option<string> BpfFolder = new("--bpffs")
    {
        Description = "The agent's folder on a BPF file system.",
        HelpName = "DIR",
        DefaultValueFactory = _ => AgentOptionsDefaults.BpfFolder,
        Validators = { GlobalOptions.RefuseEmpty },
    };

    private static readonly Option<string> StateFolder = new("--state-dir")
    {
        Description = "The agent's state folder.",
        HelpName = "DIR",
        DefaultValueFactory = _ => AgentOptionsDefaults.StateFolder,
        Validators = { GlobalOptions.RefuseEmpty },
    };

    private static readonly Option<string> RunFolder = new("--run-dir")
    {
        Description = "The agent's run folder, with its admin socket agent.sock.",
        HelpName = "DIR",
        DefaultValueFactory = _ => AgentOptionsDefaults.RunFolder,
        Validators = { GlobalOptions.RefuseEmpty },
    };

    private static readonly Option<string> LabFolder = new("--lab-dir")
    {
        Description = "Folder of the labs of `culvert demo --keep`, or that of one of them: only labs are removed then, unless another place is named too. Without it labs go only when no other place (--bpffs, --state-dir, --run-dir, --admin-socket) is named.",
        HelpName = "DIR",
        DefaultValueFactory = _ => Lab.DefaultRoot,
        Validators = { GlobalOptions.RefuseEmpty },
    };

    public static Command Create()
    {
        var command = new ExampleCommand(
            "detach",
            "Remove everything Culvert put into this machine: programs, links, pins, rules, routes, namespaces of demos (these not when places are named by options). Stops a running agent; works also when it is dead.",
            new Example("sudo culvert detach --all", "leave nothing in the kernel"),
            new Example("sudo culvert detach --all --purge", "nor on disk"),
            new Example("sudo culvert detach --all --bpffs /sys/fs/bpf/two --run-dir /run/two", "the agent of these places; demos stay"),
            new Example("sudo culvert detach --all --lab-dir /run/culvert/lab", "demos; agents stay"))
        {
            Codes = [(ExitCode.Ok, "nothing is left but what another agent uses"), (ExitCode.Failed, "something could not be removed; it is named")],
        };
        command.Options.Add(All);
        command.Options.Add(Purge);
        command.Options.Add(BpfFolder);
        command.Options.Add(StateFolder);
        command.Options.Add(RunFolder);
        command.Options.Add(LabFolder);
        command.SetAction(RunAsync);
        return command;
    }

    private static async Task<int> RunAsync(ParseResult result, CancellationToken cancellationToken)
    {
        if (!result.GetValue(All))
        {
            throw new CliException(ExitCode.Usage, "detach takes every workload of this node out of the mesh", "say `culvert detach --all` if that is meant");
        }

        // Before anything is removed, or the agent's socket is found to be closed to this user and its agent is taken for dead.
        RequirePrivileges(Capabilities.Missing());
        var places = PlacesOf(result);
        var byAgent = places.IsLabsOnly ? [] : await AskAgentAsync(SocketOf(result), cancellationToken);
        var remover = new Remover(places);
        var rest = await remover.RunAsync(cancellationToken);
        var report = rest with { Removed = [.. byAgent, .. rest.Removed] };
        var output = result.InvocationConfiguration.Output;
        new Printer(result).Print(report, json => json.DetachReport, _ =>
        {
            foreach (var line in report.Removed)
            {
                output.WriteLine("removed " + line);
            }

            foreach (var line in report.Kept)
            {
                output.WriteLine("kept    " + line);
            }

            foreach (var line in report.Failed)
            {
                output.WriteLine("FAILED  " + line);
            }

            var state = result.GetValue(StateFolder)!;
            var kept = !places.IsLabsOnly && Directory.Exists(state) ? $" but {state}, which --purge deletes" : "";
            var whose = places.IsLabsOnly ? "these labs" : report.Kept.Count == 0 ? "Culvert" : "this agent";
            output.WriteLine(report.Failed.Count == 0 ? $"Nothing of {whose} is left{kept} ({report.Removed.Count} removed)." : "Some could not be removed.");
        });
        return report.Failed.Count == 0 ? (int)ExitCode.Ok : (int)ExitCode.Failed;
    }

    /// <summary>Where things are removed. Who names a place means an agent of that place; labs are of none, and their pods may be in use.</summary>
    internal static RemovalOptions PlacesOf(ParseResult result)
    {
        var namesAgent = new[] { BpfFolder, StateFolder, RunFolder, GlobalOptions.AdminSocket }.Any(o => IsGiven(result, o));
        var namesLabs = IsGiven(result, LabFolder);
        return new()
        {
            BpfFolder = result.GetValue(BpfFolder)!,
            RunFolder = Path.GetDirectoryName(Path.GetFullPath(SocketOf(result)))!,
            StateFolder = result.GetValue(Purge) ? result.GetValue(StateFolder) : null,
            LabRoot = namesLabs || !namesAgent ? result.GetValue(LabFolder) : null,
            IsLabsOnly = namesLabs && !namesAgent,
        };
    }

    private static string SocketOf(ParseResult result) => IsGiven(result, RunFolder) && !IsGiven(result, GlobalOptions.AdminSocket)
        ? Path.Combine(result.GetValue(RunFolder)!, "agent.sock")
        : result.GetValue(GlobalOptions.AdminSocket)!;

    private static bool IsGiven(ParseResult result, Option option) => result.GetResult(option) is { Implicit: false };

    /// <exception cref="CliException">Something is missing.</exception>
    internal static void RequirePrivileges(IReadOnlyList<string> missing)
    {
        if (missing.Count > 0)
        {
            throw new CliException(
                ExitCode.Unsupported, $"detach removes kernel programs and routing rules, and this process lacks {string.Join(" and ", missing)}", "run it as root (sudo)");
        }
    }

    // No socket, or one that nobody answers, means that there is no agent to ask.
    private static async Task<IReadOnlyList<string>> AskAgentAsync(string socket, CancellationToken cancellationToken)
    {
        if (!File.Exists(socket))
        {
            return [];
        }

        try
        {
            using var admin = new AdminClient(socket);
            return [.. (await admin.DetachAsync(cancellationToken)).Removed];
        }
        catch (CliException e) when (e.Code == ExitCode.CannotConnect)
        {
            return [];
        }
    }
}
