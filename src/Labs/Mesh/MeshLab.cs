using System.Globalization;

namespace Culvert.Labs.Mesh;

/// <summary>
/// A lab that carries a mesh: a controller in a place of its own on the link, a folder of objects it reads, and nodes with an agent each.
/// </summary>
internal sealed class MeshLab : IAsyncDisposable
{
    private const int ControllerPort = 15012;
    private const int ControlIndex = 254; // leaves 1, 2, … to the nodes
    private static readonly TimeSpan StartDeadline = TimeSpan.FromSeconds(30);
    private readonly MeshLabOptions _options;
    private readonly List<MeshNode> _nodes = [];

    private MeshLab(MeshLabOptions options, Lab lab, LabNode place)
    {
        _options = options;
        Lab = lab;
        ControllerPlace = place;
        Objects = new ObjectFolder(Path.Combine(lab.Folder, "objects"));
    }

    /// <summary>The network.</summary>
    public Lab Lab { get; }

    /// <summary>Where the controller runs.</summary>
    public LabNode ControllerPlace { get; }

    /// <summary>The controller's program; null while it is stopped.</summary>
    public LabProcess? Controller { get; private set; }

    /// <summary>What the controller reads.</summary>
    public ObjectFolder Objects { get; }

    /// <summary>The nodes with an agent.</summary>
    public IReadOnlyList<MeshNode> Nodes => _nodes;

    /// <summary>Address of the controller.</summary>
    public string ControllerUri => string.Create(CultureInfo.InvariantCulture, $"https://{ControllerPlace.Address4}:{ControllerPort}");

    /// <summary>The controller's state folder.</summary>
    public string ControllerState => Path.Combine(Lab.Folder, "controller");

    /// <summary>Root certificates that agents recognise the controller by.</summary>
    public string Roots => Path.Combine(ControllerState, "roots.pem");

    internal MeshLabOptions Options => _options;

    /// <summary>Builds the network and the empty folder of objects; starts nothing.</summary>
    public static async Task<MeshLab> CreateAsync(MeshLabOptions? options = null, CancellationToken cancellationToken = default)
    {
        options ??= new MeshLabOptions();
        foreach (var program in new[] { options.Agent, options.Controller }.Where(p => !File.Exists(p)))
        {
            throw new ToolFailedException($"{program} is missing; `make build` makes it");
        }

        var lab = await Lab.CreateAsync(options.Lab, cancellationToken);
        try
        {
            return new MeshLab(options, lab, await lab.AddNodeAsync("control", ControlIndex, wire: null, cancellationToken));
        }
        catch
        {
            await lab.DisposeAsync();
            throw;
        }
    }

    /// <summary>Starts the controller and waits until it listens.</summary>
    public async Task StartControllerAsync(CancellationToken cancellationToken = default)
    {
        Controller = ControllerPlace.Start(
            "controller",
            _options.Controller,
            [
                "run",
                "--folder", Objects.Path,
                "--listen", string.Create(CultureInfo.InvariantCulture, $"{ControllerPlace.Address4}:{ControllerPort}"),
                "--state-dir", ControllerState,
                .. _options.ControllerArguments,
            ]);
        await LabWait.ForListenerAsync(Controller, ControllerPort, StartDeadline, cancellationToken);
    }

    /// <summary>Ends the controller.</summary>
    public async Task StopControllerAsync()
    {
        if (Controller is { } controller)
        {
            await controller.StopAsync(TimeSpan.FromSeconds(5));
            Controller = null;
        }
    }

    /// <summary>Adds a node; its agent is started by <see cref="MeshNode.StartAgentAsync"/>.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="wire">What lies between it and the link; null for nothing.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public async Task<MeshNode> AddNodeAsync(string name, LabWireOptions? wire = null, CancellationToken cancellationToken = default)
    {
        var node = new MeshNode(this, await Lab.AddNodeAsync(name, 0, wire, cancellationToken));
        _nodes.Add(node);
        return node;
    }

    /// <summary>Adds a pod and declares it to the mesh as a workload of namespace <c>demo</c>.</summary>
    /// <param name="node">Where it runs.</param>
    /// <param name="name">Name of pod and workload.</param>
    /// <param name="account">Service account; also its label <c>app</c>.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public async Task<LabPod> AddPodAsync(MeshNode node, string name, string account, CancellationToken cancellationToken = default)
    {
        var pod = await Lab.AddPodAsync(node.Place, name, cancellationToken);
        Objects.Write("workload-" + name, MeshObjects.Workload(pod, account));
        return pod;
    }

    /// <summary>A token with which one agent may join as the node.</summary>
    public async Task<string> CreateTokenAsync(string node, CancellationToken cancellationToken = default) =>
        (await RunControllerVerbAsync(["token", "create", "--node", node], cancellationToken)).Trim();

    /// <summary>Runs a verb of the controller's program on its state folder, and returns what it has written.</summary>
    /// <exception cref="ToolFailedException">It has failed.</exception>
    public Task<string> RunControllerVerbAsync(IReadOnlyList<string> verb, CancellationToken cancellationToken = default) =>
        Tool.RequireAsync(_options.Controller, [.. verb, "--state-dir", ControllerState], null, null, cancellationToken);

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        foreach (var node in _nodes)
        {
            node.Dispose();
        }

        await Lab.DisposeAsync();
    }
}
