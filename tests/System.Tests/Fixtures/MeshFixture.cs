using System.Globalization;
using System.Net;
using Culvert.Labs;
using Culvert.Labs.Mesh;

namespace Culvert.SystemTests.Fixtures;

/// <summary>The mesh most tests share: client and guest on node1, a server pod on each node, open to the client only.</summary>
public class MeshFixture : IAsyncLifetime
{
    private string[] _allowed = ["client"];
    private int _edits;

    /// <summary>How the mesh is built.</summary>
    private protected virtual MeshLabOptions Options => new();

    internal MeshLab Mesh { get; private set; } = null!;

    internal MeshNode Node1 => Mesh.Nodes[0];

    internal MeshNode Node2 => Mesh.Nodes[1];

    internal LabPod Client { get; private set; } = null!;

    internal LabPod Guest { get; private set; } = null!;

    internal LabPod Near { get; private set; } = null!;

    internal LabPod Far { get; private set; } = null!;

    internal LabPod Open { get; private set; } = null!;

    /// <summary>A pod of node1 that is not in the mesh.</summary>
    internal LabPod Plain { get; private set; } = null!;

    /// <summary>A pod of node2 that is not in the mesh; null until a test has made it.</summary>
    internal LabPod? Outside { get; set; }

    public async ValueTask InitializeAsync()
    {
        await Lab.RemoveStaleAsync();
        Mesh = await CreateAsync(Options);
        Client = await Mesh.AddPodAsync(Node1, "client", "client");
        Guest = await Mesh.AddPodAsync(Node1, "guest", "guest");
        Near = await Mesh.AddPodAsync(Node1, "near", "web");
        Open = await Mesh.AddPodAsync(Node1, "open", "open");
        Plain = await Mesh.Lab.AddPodAsync(Node1.Place, "plain");
        Far = await Mesh.AddPodAsync(Node2, "far", "web");
        await StartAsync(Mesh);
        await WaitAllowedAsync();
    }

    public async ValueTask DisposeAsync()
    {
        GC.SuppressFinalize(this);
        if (Mesh is not null) await Mesh.DisposeAsync();
    }

    /// <summary>Two nodes and the objects every mesh of the tests has.</summary>
    internal static async Task<MeshLab> CreateAsync(MeshLabOptions options)
    {
        var mesh = await MeshLab.CreateAsync(options);
        if (Environment.GetEnvironmentVariable("CULVERT_KEEP_LABS") is { Length: > 0 })
        {
            mesh.Lab.Keep(); // for a look at logs and flows after a failure; `culvert detach --all` removes them
        }

        await mesh.AddNodeAsync("node1");
        await mesh.AddNodeAsync("node2");
        mesh.Objects.Write("mesh", MeshObjects.Mesh());
        AllowClient(mesh);
        return mesh;
    }

    internal static async Task StartAsync(MeshLab mesh)
    {
        await mesh.StartControllerAsync();
        await Task.WhenAll(mesh.Nodes.Select(n => n.StartAgentAsync()));
    }

    /// <summary>The policy every test starts from.</summary>
    /// <param name="mesh">Where.</param>
    internal static void AllowClient(MeshLab mesh) => Allow(mesh, ["client"]);

    /// <summary>
    /// Goes back to the policy every test starts from, and waits until each node has it in force and would start with it: what the client can do by one
    /// node says nothing of the other. A node to which the edits before have yet to come would have it too, but for its name.
    /// </summary>
    internal async Task AllowClientAgainAsync()
    {
        _allowed = ["client", string.Create(CultureInfo.InvariantCulture, $"nobody-{++_edits}")];
        Allow(Mesh, _allowed);
        await WaitAllowedAsync();
    }

    /// <summary>Waits until each node has the policy every test starts from in force, and would start with it.</summary>
    internal Task WaitAllowedAsync() => Task.WhenAll(Mesh.Nodes.Select(n => SavedSnapshot.WaitAsync(
        n,
        "the client is let in",
        resources => resources.Any(r => r.Policy is { Name: "web" } web && web.Rules.SelectMany(u => u.From).SelectMany(f => f.Identities).SequenceEqual(_allowed.Select(MeshObjects.Identity))))));

    /// <summary>The server pod and its address for a case.</summary>
    internal (LabPod Pod, IPAddress Address) Server(TestPath path, TestFamily family)
    {
        var pod = path == TestPath.Direct ? Near : Far;
        return (pod, AddressOf(pod, family));
    }

    private static void Allow(MeshLab mesh, string[] accounts) => mesh.Objects.Write("policy-web", MeshObjects.Allow("web", "web", [], accounts));

    internal static IPAddress AddressOf(LabNamespace place, TestFamily family) => family == TestFamily.IPv4 ? place.Address4 : place.Address6;
}
