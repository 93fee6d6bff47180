using Culvert.Bench.Measuring;

namespace Culvert.Bench.Scale;

/// <summary>How the controller's work grows with the mesh: the rows of the largest one, compared with budgets, and a table of all.</summary>
internal static class ScaleBench
{
    /// <summary>Begin of the names of its rows.</summary>
    public const string Prefix = "scale.";

    private const double FullStartSeconds = 60;
    private const double ChangeSeconds = 1;
    private const double RssMegabytes = 500;

    // A policy of three identities and a port is some 300 bytes, and has a TLS record, an HTTP/2 frame and a version of its own. A world of this size is hundreds of times that.
    private const double ChangeKibibytes = 4;

    private static readonly Metric FullStart = Row("full_start", "s", "budget of 60 s");
    private static readonly Metric PolicyChange = Row("policy_change_p99", "s", "budget of 1 s");
    private static readonly Metric EndpointChange = Row("endpoint_change_p99", "s", "budget of 1 s");
    private static readonly Metric MeshChange = Row("mesh_change_p99", "s", "budget of 1 s");
    private static readonly Metric Rss = Row("controller_rss", "MB", "budget of 500 MB");
    private static readonly Metric ChangeBytes = Row("change_bytes", "KiB", "budget of 4 KiB");

    /// <summary>Its rows.</summary>
    public static IReadOnlyList<Metric> Metrics { get; } = [FullStart, PolicyChange, EndpointChange, MeshChange, Rss, ChangeBytes];

    /// <summary>Measures meshes one after the other, smallest first; returns the rows of the largest.</summary>
    /// <param name="options">Which meshes and rows.</param>
    /// <param name="figures">Gets the figures of each mesh as soon as they are known.</param>
    /// <param name="cancellationToken">Ends the run.</param>
    /// <exception cref="BenchInvalidException">The figures would mean nothing.</exception>
    public static async Task<IReadOnlyList<Result>> RunAsync(BenchOptions options, ICollection<ScaleFigures> figures, CancellationToken cancellationToken)
    {
        ScaleFigures? largest = null;
        foreach (int nodes in options.ScaleNodes.Order())
        {
            await Console.Error.WriteLineAsync($"{Prefix}*, {nodes} nodes ...");
            figures.Add(largest = await new ScaleRun(options.Controller, new ScaleShape(nodes), options.ScaleChanges).MeasureAsync(cancellationToken));
        }
        return [.. Rows(largest!).Where(r => options.Wants(r.Name))];
    }

    private static IEnumerable<Result> Rows(ScaleFigures largest) =>
    [
        Budget.Compare(FullStart, FullStartSeconds, [largest.FullSeconds]),
        Budget.Compare(PolicyChange, ChangeSeconds, [largest.Policy.P99]),
        Budget.Compare(EndpointChange, ChangeSeconds, [largest.Endpoint.P99]),
        Budget.Compare(MeshChange, ChangeSeconds, [largest.Mesh.P99]),
        Budget.Compare(Rss, RssMegabytes, [largest.PeakMegabytes]),
        Budget.Compare(ChangeBytes, ChangeKibibytes, [largest.Policy.BytesEach / 1024]),
    ];

    private static Metric Row(string name, string unit, string budget) => new(Prefix + name, unit, false, budget, 1.0, 1.5);
}
