using Culvert.Cli.Output;

namespace Culvert.Cli.Removal;

/// <summary>
/// Removes what an agent that is gone left on this machine. Each kind is removed for itself; what fails is reported and does not hold up the others.
/// </summary>
internal sealed class Remover(RemovalOptions options)
{
    private static readonly string[] Sockets = ["agent.sock", "controller.sock"];
    private readonly List<string> _removed = [];
    private readonly List<string> _failed = [];

    public async Task<DetachReport> RunAsync(CancellationToken cancellationToken)
    {
        await TryAsync("classifiers", () => ClassifierRemoval.RunAsync(cancellationToken)).ConfigureAwait(false);
        await TryAsync("pins", () => Task.FromResult(PinRemoval.Run(options.BpfFolder))).ConfigureAwait(false);
        await TryAsync("routing", () => RoutingRemoval.RunAsync(options.RouteTable, cancellationToken)).ConfigureAwait(false);
        await TryAsync("labs", RemoveLabsAsync).ConfigureAwait(false);
        await TryAsync("files", () => Task.FromResult<IReadOnlyList<string>>(RemoveFiles())).ConfigureAwait(false);
        return new DetachReport(_removed, _failed);
    }

    private async Task TryAsync(string kind, Func<Task<IReadOnlyList<string>>> remove)
    {
        try
        {
            _removed.AddRange(await remove().ConfigureAwait(false));
        }
        catch (Exception e) when (e is not OperationCanceledException and not OutOfMemoryException)
        {
            _failed.Add($"{kind}: {e.Message}");
        }
    }

    private async Task<IReadOnlyList<string>> RemoveLabsAsync() => options.LabRoot is not { } root
        ? []
        : [.. (await Labs.Lab.RemoveAllAsync(root).ConfigureAwait(false)).Select(id => $"lab {id} with its namespaces")];

    private List<string> RemoveFiles()
    {
        var removed = new List<string>();
        foreach (var socket in Sockets.Select(name => Path.Combine(options.RunFolder, name)).Where(File.Exists))
        {
            File.Delete(socket);
            removed.Add("socket " + socket);
        }

        if (Directory.Exists(options.RunFolder) && !Directory.EnumerateFileSystemEntries(options.RunFolder).Any())
        {
            Directory.Delete(options.RunFolder);
            removed.Add("folder " + options.RunFolder);
        }

        if (options.StateFolder is { } state && Directory.Exists(state))
        {
            Directory.Delete(state, recursive: true);
            removed.Add("folder " + state);
        }

        return removed;
    }
}
