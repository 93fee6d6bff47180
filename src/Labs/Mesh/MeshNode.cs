using System.Globalization;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;
using Culvert.Protocol.V1;
using Grpc.Core;

namespace Culvert.Labs.Mesh;

/// <summary>A node of a <see cref="MeshLab"/> with its agent.</summary>
internal sealed class MeshNode : IDisposable
{
    private const int MetricsPort = 15020;
    private const int ReadinessPort = 15021;
    private static readonly TimeSpan StartDeadline = TimeSpan.FromSeconds(30);
    private readonly MeshLab _mesh;
    private readonly HttpClient _http;
    private int _replaced;

    internal MeshNode(MeshLab mesh, LabNode place)
    {
        _mesh = mesh;
        Place = place;
        _http = place.CreateHttpClient(TimeSpan.FromSeconds(5) * LabWait.Patience);
    }

    /// <summary>Its namespace.</summary>
    public LabNode Place { get; }

    /// <summary>Name of the node.</summary>
    public string Name => Place.Name;

    /// <summary>The agent's program; null while none runs.</summary>
    public LabProcess? Agent { get; private set; }

    /// <summary>The agent's admin socket.</summary>
    public string AdminSocket => Path.Combine(RunFolder, "agent.sock");

    /// <summary>What the agent keeps over restarts.</summary>
    public string StateFolder => Path.Combine(Place.Folder, "state");

    /// <summary>The socket of its agent for applications, where <see cref="MeshLabOptions.ServesWorkloads"/> says that there is one.</summary>
    public string WorkloadApi => Path.Combine(Place.Folder, "workload", "agent.sock");

    private string RunFolder => Path.Combine(Place.Folder, "run");

    /// <summary>The certificates of workloads that the agent keeps over restarts, without their keys.</summary>
    public IReadOnlyList<X509Certificate2> KeptCertificates() => [.. Directory.GetFiles(Path.Combine(RunFolder, "svids"), "*.pem").Select(f => X509Certificate2.CreateFromPem(File.ReadAllText(f)))];

    /// <summary>Starts the agent, with a join token when the node has none yet, and waits until it is ready.</summary>
    /// <param name="ready">False: return at once.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public async Task StartAgentAsync(bool ready = true, CancellationToken cancellationToken = default)
    {
        var token = Path.Combine(Place.Folder, "join-token");
        if (!File.Exists(token))
        {
            await File.WriteAllTextAsync(token, await _mesh.CreateTokenAsync(Name, cancellationToken), cancellationToken);
        }

        Agent = Launch("agent");
        if (ready)
        {
            await WaitReadyAsync(cancellationToken);
        }
    }

    /// <summary>Starts another agent, which takes the node over from the one that runs, and waits until it has.</summary>
    /// <returns>The one before, which runs on.</returns>
    public async Task<LabProcess> ReplaceAgentAsync(params IReadOnlyList<string> arguments)
    {
        var before = Agent!;
        var started = Path.Combine(Place.Folder, "started");
        File.Delete(started);
        Agent = Launch(string.Create(CultureInfo.InvariantCulture, $"agent-{++_replaced}"), ["--take-over", "--started-file", started, .. arguments]);
        await LabWait.UntilAsync($"the next agent of {Name} has the node", () => File.Exists(started), StartDeadline, Agent);
        await WaitReadyAsync();
        return before;
    }

    /// <summary>Waits until the agent is ready.</summary>
    public Task WaitReadyAsync(CancellationToken cancellationToken = default) =>
        LabWait.UntilAsync($"the agent of {Name} is ready", () => IsReadyAsync(cancellationToken), StartDeadline, Agent, cancellationToken);

    /// <summary>Kills the agent as kill -9 does.</summary>
    public async Task KillAgentAsync()
    {
        if (Agent is { } agent)
        {
            await agent.KillAsync();
            Agent = null;
        }
    }

    /// <summary>Ends the agent in order.</summary>
    public async Task StopAgentAsync()
    {
        if (Agent is { } agent)
        {
            await agent.StopAsync(TimeSpan.FromSeconds(40));
            Agent = null;
        }
    }

    /// <summary>The agent's metrics as it serves them.</summary>
    public async Task<MetricSamples> MetricsAsync(CancellationToken cancellationToken = default) => MetricSamples.Parse(
        await _http.GetStringAsync(new Uri(string.Create(CultureInfo.InvariantCulture, $"http://127.0.0.1:{MetricsPort}/metrics")), cancellationToken));

    /// <summary>The agent's own view of itself.</summary>
    public async Task<StatusResponse> StatusAsync(CancellationToken cancellationToken = default)
    {
        using var admin = new AdminCalls(AdminSocket);
        return await admin.Service.StatusAsync(new StatusRequest(), AdminCalls.Options(cancellationToken)).ResponseAsync;
    }

    /// <summary>Explains a connection.</summary>
    public async Task<ExplainResponse> ExplainAsync(string source, string destination, uint port, TransportProtocol protocol = TransportProtocol.Tcp, CancellationToken cancellationToken = default)
    {
        using var admin = new AdminCalls(AdminSocket);
        var request = new ExplainRequest { Source = source, Destination = destination, Port = port, Protocol = protocol };
        return await admin.Service.ExplainAsync(request, AdminCalls.Options(cancellationToken)).ResponseAsync;
    }

    /// <summary>Waits until a Service is in force at this node, or no longer is. Versions of snapshots tell no such thing: a controller that starts anew counts anew.</summary>
    /// <param name="name">Its name, in the lab's namespace.</param>
    /// <param name="present">False: wait until it is gone.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <exception cref="TimeoutException">Not within 10 s.</exception>
    public Task WaitForServiceAsync(string name, bool present = true, CancellationToken cancellationToken = default) => LabWait.UntilAsync(
        $"the Service {name} is {(present ? "known to" : "forgotten by")} {Name}",
        async () =>
        {
            using var admin = new AdminCalls(AdminSocket);
            var snapshot = await admin.Service.DumpSnapshotAsync(new DumpSnapshotRequest(), AdminCalls.Options(cancellationToken)).ResponseAsync;
            return present == snapshot.Resources.Any(r => r.Service is { } service && service.Name == name && service.Namespace == MeshObjects.Namespace);
        },
        TimeSpan.FromSeconds(10),
        Agent,
        cancellationToken);

    /// <summary>The flows the agent remembers, oldest first.</summary>
    public async Task<IReadOnlyList<Flow>> FlowsAsync(FlowFilter? filter = null, CancellationToken cancellationToken = default)
    {
        using var admin = new AdminCalls(AdminSocket);
        using var call = admin.Service.Flows(new FlowsRequest { Last = 10_000, Filter = filter ?? new FlowFilter() }, AdminCalls.Options(cancellationToken));
        var flows = new List<Flow>();
        await foreach (var flow in call.ResponseStream.ReadAllAsync(cancellationToken))
        {
            flows.Add(flow);
        }

        return flows;
    }

    /// <summary>Waits until the agent remembers a flow.</summary>
    /// <returns>The newest such flow.</returns>
    public async Task<Flow> WaitForFlowAsync(string what, Func<Flow, bool> condition, CancellationToken cancellationToken = default)
    {
        if ((await FlowsAsync(null, cancellationToken)).LastOrDefault(condition) is { } remembered)
        {
            return remembered;
        }

        // Live from here: of thousands a second the agent remembers one for less time than a look takes on a busy machine.
        var limit = TimeSpan.FromSeconds(5) * LabWait.Patience;
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        deadline.CancelAfter(limit);
        using var admin = new AdminCalls(AdminSocket);
        using var call = admin.Service.Flows(new FlowsRequest { Last = 10_000, Follow = true, Filter = new FlowFilter() }, AdminCalls.Options(deadline.Token));
        try
        {
            await foreach (var flow in call.ResponseStream.ReadAllAsync(deadline.Token))
            {
                if (condition(flow))
                {
                    return flow;
                }
            }
        }
        catch (Exception e) when (e is RpcException or OperationCanceledException && deadline.IsCancellationRequested && !cancellationToken.IsCancellationRequested)
        {
            // Said below.
        }

        throw new TimeoutException($"not within {limit.TotalSeconds:0.#} s: {Name} reports {what}");
    }

    /// <inheritdoc/>
    public void Dispose() => _http.Dispose();

    private LabProcess Launch(string name, params IReadOnlyList<string> arguments) => Place.Start(
        name,
        _mesh.Options.Agent,
        [
            "run",
            "--node", Name,
            "--bpffs", Place.BpfFolder,
            "--run-dir", RunFolder,
            "--state-dir", StateFolder,
            "--controller", _mesh.ControllerUri,
            .. _mesh.Options.AgentsJoin ? ["--bootstrap-roots", _mesh.Roots, "--join-token-file", Path.Combine(Place.Folder, "join-token")] : Array.Empty<string>(),
            .. _mesh.Options.NameUplinks ? ["--uplink", LabNode.Uplink] : Array.Empty<string>(),
            .. _mesh.Options.NameMetrics ? ["--metrics", string.Create(CultureInfo.InvariantCulture, $"127.0.0.1:{MetricsPort}")] : Array.Empty<string>(),
            "--capture", _mesh.Options.Capture,
            .. _mesh.Options.ServesWorkloads ? ["--workload-api", WorkloadApi] : Array.Empty<string>(),
            .. _mesh.Options.AgentArguments,
            .. arguments,
        ]);

    private async Task<bool> IsReadyAsync(CancellationToken cancellationToken)
    {
        try
        {
            var uri = new Uri(string.Create(CultureInfo.InvariantCulture, $"http://127.0.0.1:{ReadinessPort}/ready"));
            using var response = await _http.GetAsync(uri, cancellationToken);
            return response.IsSuccessStatusCode;
        }
        catch (Exception e) when (e is HttpRequestException or SocketException)
        {
            // Not listening yet, or ending; the deadline says what was missing. The client lets SocketException through when the connection is reset while it is being made.
            return false;
        }
        catch (TaskCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            return false; // listening, and too busy to answer; likewise
        }
    }
}
