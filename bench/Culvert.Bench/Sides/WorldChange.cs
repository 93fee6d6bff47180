using Culvert.Labs;

namespace Culvert.Bench.Sides;

/// <summary>A change of the controller's objects that comes into force and goes again while the mesh runs.</summary>
/// <param name="file">The file that changes.</param>
/// <param name="without">What it holds without the change; null: there is none.</param>
/// <param name="with">What it holds with it.</param>
/// <param name="agents">The agents that have to have put it into force.</param>
internal sealed class WorldChange(string file, string? without, string with, params IReadOnlyList<CulvertAgent> agents)
{
    private const string VersionMetric = "culvert_snapshot_version ";
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(30);
    private bool _inForce;

    /// <summary>Puts it into force, or takes it back; returns when that is so.</summary>
    /// <exception cref="TimeoutException">The agent did not take it.</exception>
    public async Task SetAsync(bool inForce, CancellationToken cancellationToken)
    {
        if (_inForce == inForce) return;
        string[] before = await VersionsAsync(cancellationToken);
        if ((inForce ? with : without) is { } content)
        {
            // Whole at once, and not by a name that the controller reads before.
            string part = file + ".part";
            await File.WriteAllTextAsync(part, content, cancellationToken);
            File.Move(part, file, overwrite: true);
        }
        else
        {
            File.Delete(file);
        }
        _inForce = inForce;
        string what = $"{Path.GetFileName(file)} is {(inForce ? "changed" : "as before")} in the agents";
        await LabWait.UntilAsync(what, async () => (await VersionsAsync(cancellationToken)).Zip(before).All(v => v.First != v.Second), Deadline, agents[0].Process, cancellationToken);
    }

    private Task<string[]> VersionsAsync(CancellationToken cancellationToken) => Task.WhenAll(agents.Select(a => VersionAsync(a, cancellationToken)));

    private static async Task<string> VersionAsync(CulvertAgent agent, CancellationToken cancellationToken) =>
        (await agent.MetricsAsync(cancellationToken)).Split('\n').Single(l => l.StartsWith(VersionMetric, StringComparison.Ordinal))[VersionMetric.Length..];
}
