using Culvert.Bench.Measuring;

namespace Culvert.Bench.Scale;

/// <summary>How the controller's work grows with the mesh: the rows of the largest one, compared with budgets, and a table of all.</summary>
internal static class ScaleBench
{
    /// <summary>Begin of the names of its rows.</summary>
    public const string Prefix = "scale.";

    private const double FullStartSeconds = 60;
    private const double ChangeSeconds = 1;
    private const double RssMegabytes = 600;

    // A policy of three identities and a port is some 300 bytes, and has a TLS record, an HTTP/2 frame and a version of its own. A world of this size is hundreds of times that.
    private const double ChangeKibibytes = 4;

    private static readonly Metric FullStart = Row("full_start", "s", "budget of 60 s");
    private static readonly Metric PolicyChange = Row("policy_change_p99", "s", "budget of 1 s");
    private static readonly Metric EndpointChange = Row("endpoint_change_p99", "s", "budget of 1 s");
    private static readonly Metric MeshChange = Row("mesh_change_p99", "s", "budget of 1 s");
    private static readonly Metric Rss = Row("controller_rss", "MB", "budget of 600 MB");
    private static readonly Metric ChangeBytes = Row("change_bytes", "KiB", "budget of 4 KiB");

    /// <summary>Names of its rows.</summary>
    public static IReadOnlyList<string> Names { get; } = [.. new[] { FullStart, PolicyChange, EndpointChange, MeshChange, Rss, ChangeBytes }.Select(m => m.Name)];

    /// <summary>Measures meshes one after the other, smallest first; returns the rows of the largest.</summary>
    /// <exception cref="BenchInvalidException">The figures would mean nothing.</exception>
    public static async Task<ScaleReport> RunAsync(BenchOptions options, CancellationToken cancellationToken)
    {
        List<ScaleFigures> all = [];
        foreach (int nodes in options.ScaleNodes.Order())
        {
            await Console.Error.WriteLineAsync($"{Prefix}*, {nodes} nodes ...");
            all.Add(await new ScaleRun(options.Controller, new ScaleShape(nodes), options.ScaleChanges).MeasureAsync(cancellationToken));
        }
        return new(all, [.. Rows(all[^1]).Where(r => options.Wants(r.Name))]);
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
