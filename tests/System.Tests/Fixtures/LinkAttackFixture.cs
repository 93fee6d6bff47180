using System.Globalization;
using System.Net;
using Culvert.Labs;
using Culvert.Labs.Mesh;
using Culvert.SystemTests.Peers;

namespace Culvert.SystemTests.Fixtures;

/// <summary>
/// A mesh for those who send made-up packets. Its nodes' own routing looks at no source address (rp_filter off), so that nothing but the mesh refuses one.
/// Client and guest on node1, a server pod on each node that is open to the client only, a pod that anybody in the mesh may reach,
/// one whose application wants PROXY headers, one that takes plaintext, and one that takes all it gets.
/// </summary>
public sealed class LinkAttackFixture : IAsyncLifetime
{
    /// <summary>Port whose application wants a header.</summary>
    public const int Asking = 5400;

    private const string Virtual4 = "10.96.9.1";
    private const string Virtual6 = "fd96::9:1";

    private int _settled;

    internal MeshLab Mesh { get; private set; } = null!;

    internal MeshNode Node1 => Mesh.Nodes[0];

    internal MeshNode Node2 => Mesh.Nodes[1];

    /// <summary>A machine on the link that is none of the mesh's nodes.</summary>
    internal LabNode External => Mesh.ControllerPlace;

    internal LabPod Client { get; private set; } = null!;

    internal LabPod Guest { get; private set; } = null!;

    /// <summary>A pod of node1 that may take all that is its own: no other test needs any of it.</summary>
    internal LabPod Greedy { get; private set; } = null!;

    internal LabPod Near { get; private set; } = null!;

    internal LabPod Far { get; private set; } = null!;

    internal LabPod Open { get; private set; } = null!;

    internal LabPod Behind { get; private set; } = null!;

    internal LabPod Lax { get; private set; } = null!;

    public async ValueTask InitializeAsync()
    {
        await Lab.RemoveStaleAsync();
        Mesh = await MeshFixture.CreateAsync(new MeshLabOptions { Lab = new LabOptions { ReversePathFilter = 0 } });
        Client = await Mesh.AddPodAsync(Node1, "client", "client");
        Guest = await Mesh.AddPodAsync(Node1, "guest", "guest");
        Greedy = await Mesh.AddPodAsync(Node1, "greedy", "greedy");
        Near = await Mesh.AddPodAsync(Node1, "near", "web");
        Open = await Mesh.AddPodAsync(Node1, "open", "open");
        Behind = await Mesh.AddPodAsync(Node1, "behind", "behind");
        Lax = await Mesh.AddPodAsync(Node1, "lax", "lax");
        Far = await Mesh.AddPodAsync(Node2, "far", "web");
        Mesh.Objects.Write("service-web", MeshObjects.Service("web", "web", 80, 8080, Virtual4, Virtual6));
        Mesh.Objects.Write("workload-behind", MeshObjects.Workload(Behind, "behind", $"culvert.dev/proxy-protocol: \"v2:{Asking},{Asking}/udp,{Asking - 1}/udp\""));
        foreach (var app in new[] { "behind", "lax" })
        {
            Mesh.Objects.Write("permissive-" + app, $"""
                apiVersion: culvert.dev/v1alpha1
                kind: PeerAuthentication
                metadata:
                  name: {app}
                  namespace: {MeshObjects.Namespace}
                spec:
                  selector:
                    matchLabels:
                      app: {app}
                  mtls:
                    mode: PERMISSIVE
                """);
        }

        await MeshFixture.StartAsync(Mesh);
    }

    public ValueTask DisposeAsync() => Mesh is null ? ValueTask.CompletedTask : Mesh.DisposeAsync();

    /// <summary>The address of the Service in front of the server pods.</summary>
    internal static IPAddress Virtual(TestFamily family) => IPAddress.Parse(family == TestFamily.IPv4 ? Virtual4 : Virtual6);

    /// <summary>Has both nodes keep what was changed before, whatever becomes of their agents.</summary>
    internal async Task SettleAsync()
    {
        var name = string.Create(CultureInfo.InvariantCulture, $"settled-{++_settled}");
        Mesh.Objects.Write("service-settled", MeshObjects.Service(name, "nobody", 80, 8080, "10.96.9.2", "fd96::9:2"));
        foreach (var node in Mesh.Nodes)
        {
            await node.WaitForServiceAsync(name);
        }
    }

    /// <summary>Packets that a node has dropped for a reason. Of floods, not each is in the flow log: that has room for others.</summary>
    internal static async Task<double> DropsAsync(MeshNode node, string reason) => (await node.MetricsAsync()).Sum("culvert_drops_total", $"reason=\"{reason}\"");

    /// <summary>Waits until a node has dropped so many packets for a reason.</summary>
    internal static Task WaitForDropsAsync(MeshNode node, string reason, double count) => LabWait.UntilAsync(
        $"{node.Name} has dropped {count} packets as {reason}", async () => await DropsAsync(node, reason) >= count, TimeSpan.FromSeconds(10), node.Agent);

    /// <summary>Legitimate traffic beside an attack: from the client to the pod of its own node, or the other's.</summary>
    internal Requests StartRequests(PeerServer server) => Requests.Start(Client, server.EndPoint);
}
