using Culvert.Cli.Output;

namespace Culvert.Cli.Removal;

/// <summary>
/// Removes what an agent that is gone left on this machine. Each kind is removed for itself; what fails is reported and does not hold up the others.
/// </summary>
internal sealed class Remover(RemovalOptions options)
{
    private static readonly TimeSpan AgentStops = TimeSpan.FromSeconds(30);
    private readonly List<string> _removed = [];
    private readonly List<string> _failed = [];

    public async Task<DetachReport> RunAsync(CancellationToken cancellationToken)
    {
        await TryAsync("classifiers", () => ClassifierRemoval.RunAsync(cancellationToken));
        await TryAsync("pins", () => Task.FromResult(PinRemoval.Run(options.BpfFolder)));
        await TryAsync("routing", () => RoutingRemoval.RunAsync(options.RouteTable, cancellationToken));
        await TryAsync("labs", RemoveLabsAsync);
        await TryAsync("run folder", () => RunFolderRemoval.RunAsync(options.RunFolder, AgentStops, cancellationToken));
        await TryAsync("state folder", () => Task.FromResult<IReadOnlyList<string>>(RemoveState()));
        return new DetachReport(_removed, _failed);
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

    private async Task<IReadOnlyList<string>> RemoveLabsAsync() => options.LabRoot is not { } root
        ? []
        : [.. (await Labs.Lab.RemoveAllAsync(root)).Select(id => $"lab {id} with its namespaces")];

    private string[] RemoveState()
    {
        if (options.StateFolder is not { } state || !Directory.Exists(state))
        {
            return [];
        }

        Directory.Delete(state, recursive: true);
        return ["folder " + state];
    }
}
