using System.Diagnostics;
using Culvert.Bench.Measuring;
using Culvert.Labs;

namespace Culvert.Bench.Sides;

/// <summary>One agent on a node of the lab.</summary>
internal sealed class CulvertAgent : IAsyncDisposable
{
    private const ushort ReadinessPort = 15021;
    private static readonly TimeSpan ReadyDeadline = TimeSpan.FromSeconds(30);
    private readonly HttpClient _http;

    private CulvertAgent(LabNode node, LabProcess process)
    {
        _http = NamespaceHttp.Create(node);
        Process = process;
    }

    public LabProcess Process { get; }

    /// <summary>From starting the process to its readiness endpoint saying yes.</summary>
    public TimeSpan TimeToReady { get; private set; }

    /// <summary>CPU time of the process, user and system, in seconds, when it was ready.</summary>
    public double CpuToReady { get; private set; }

    /// <summary>Starts an agent with empty state and waits until it is ready.</summary>
    /// <exception cref="ToolFailedException">It ended, or its state could not be prepared.</exception>
    /// <exception cref="TimeoutException">It did not become ready.</exception>
    public static async Task<CulvertAgent> StartAsync(LabNode node, CulvertController controller, BenchOptions options, CancellationToken cancellationToken)
    {
        string folder = Path.Combine(node.Folder, "agent");
        if (Directory.Exists(folder)) Directory.Delete(folder, recursive: true);
        Directory.CreateDirectory(folder);
        string token = Path.Combine(folder, "join-token");
        await File.WriteAllTextAsync(token, await controller.CreateTokenAsync(node, cancellationToken), cancellationToken);
        Stopwatch clock = Stopwatch.StartNew();
        LabProcess process = node.Start("agent", options.Agent,
            "run", "--node", node.Name,
            "--bpffs", node.BpfFolder,
            "--run-dir", Path.Combine(folder, "run"),
            "--state-dir", Path.Combine(folder, "state"),
            "--controller", controller.Uri,
            "--bootstrap-roots", controller.BootstrapRoots,
            "--join-token-file", token,
            "--uplink", LabNode.Uplink,
            "--metrics", "127.0.0.1:15020");
        CulvertAgent agent = new(node, process);
        await LabWait.UntilAsync($"agent of {node.Name} is ready", () => agent.IsReadyAsync(cancellationToken), ReadyDeadline, process, cancellationToken);
        agent.TimeToReady = clock.Elapsed;
        agent.CpuToReady = ProcFile.CpuSeconds(process.Id);
        return agent;
    }

    /// <summary>Its metrics as it serves them.</summary>
    public Task<string> MetricsAsync(CancellationToken cancellationToken) => _http.GetStringAsync("http://127.0.0.1:15020/metrics", cancellationToken);

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        _http.Dispose();
        await Process.DisposeAsync();
    }

    private async Task<bool> IsReadyAsync(CancellationToken cancellationToken)
    {
        // To be refused is an exception each time: they took a third of a processor from the agent whose start is measured.
        if (!ProcFile.Listens(Process.Id, ReadinessPort)) return false;
        try
        {
            using HttpResponseMessage response = await _http.GetAsync($"http://127.0.0.1:{ReadinessPort}/ready", cancellationToken);
            return response.IsSuccessStatusCode;
        }
        catch (HttpRequestException)
        {
            return false; // not listening any more; the deadline says what was missing
        }
    }
}
