using System.Globalization;
using Culvert.Cli.Output;
using Culvert.NodeAgent.Cni.Install;
using Culvert.NodeAgent.Datapath;
using Culvert.NodeAgent.Datapath.Inside;

namespace Culvert.Cli.Removal;

/// <summary>
/// Removes what an agent that is gone left on this machine. Each kind is removed for itself; what fails is reported and does not hold up the others.
/// </summary>
internal sealed class Remover(RemovalOptions options)
{
    private static readonly TimeSpan AgentStops = TimeSpan.FromSeconds(30);
    private readonly List<string> _removed = [];
    private readonly List<string> _failed = [];
    private readonly List<string> _kept = [];

    public async Task<DetachReport> RunAsync(CancellationToken cancellationToken)
    {
        if (options.IsLabsOnly)
        {
            await TryAsync("labs", RemoveLabsAsync);
            return new DetachReport(_removed, _failed, _kept);
        }

        // Once its pins are gone nothing tells the agent of these places from others.
        IReadOnlySet<uint> own = new HashSet<uint>();
        await TryAsync("pins", () =>
        {
            own = OtherAgents.LinksPinnedIn(options.BpfFolder);
            return Task.FromResult<IReadOnlyList<string>>([]);
        });
        await TryAsync("classifiers", () => ClassifierRemoval.RunAsync(cancellationToken));
        await TryAsync("pins", () => Task.FromResult(PinRemoval.Run(options.BpfFolder)));
        await TryAsync("routing", () => Task.FromResult(RemoveRouting(own)));
        await TryAsync("pods' namespaces", () => Task.FromResult(InsideRemoval.RemoveAll(options.RunFolder, options.RouteTable)));
        await TryAsync("labs", RemoveLabsAsync);
        await TryAsync("CNI plugin", () => Task.FromResult(CniRemoval.Remove(options.RunFolder)));
        await TryAsync("run folder", () => RunFolderRemoval.RunAsync(options.RunFolder, AgentStops, cancellationToken));
        await TryAsync("state folder", () => Task.FromResult<IReadOnlyList<string>>(RemoveState()));
        return new DetachReport(_removed, _failed, _kept);
    }

    private async Task TryAsync(string kind, Func<Task<IReadOnlyList<string>>> remove)
    {
        try
        {
            _removed.AddRange(await remove());
        }
        catch (Exception e) when (e is not OperationCanceledException and not OutOfMemoryException)
        {
            _failed.Add($"{kind}: {e.Message}");
        }
    }

    // All agents of a network namespace have the same ones.
    private IReadOnlyList<string> RemoveRouting(IReadOnlySet<uint> own)
    {
        var others = OtherAgents.Links(own);
        if (others.Count == 0)
        {
            return [.. RoutingRemoval.Run(options.RouteTable), .. NatTables.RemoveAll()];
        }

        _kept.Add(string.Create(
            CultureInfo.InvariantCulture, $"rules and routes of table {options.RouteTable}: another agent of this network namespace uses them (BPF link {string.Join(", ", others)}; `culvert detach --all` with its places removes them)"));
        return [];
    }

    private async Task<IReadOnlyList<string>> RemoveLabsAsync() => options.LabRoot is not { } root
        ? []
        : [.. (await Labs.Lab.RemoveAllAsync(root)).Select(id => $"lab {id} with its namespaces")];

    private string[] RemoveState()
    {
        if (options.StateFolder is not { } state || !Directory.Exists(state))
        {
            return [];
        }

        if (!MountPoint.Is(state))
        {
            Directory.Delete(state, recursive: true);
            return ["folder " + state];
        }

        foreach (var folder in Directory.GetDirectories(state)) Directory.Delete(folder, recursive: true);
        foreach (var file in Directory.GetFiles(state)) File.Delete(file);
        return ["what was in the folder " + state];
    }
}
