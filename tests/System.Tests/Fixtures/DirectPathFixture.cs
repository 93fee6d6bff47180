using System.Net;
using Culvert.Labs;
using Culvert.Labs.Mesh;

namespace Culvert.SystemTests.Fixtures;

/// <summary>One node with a client, a server and another server in the mesh, a Service in front of the first, and two pods that are not in the mesh.</summary>
public sealed class DirectPathFixture : IAsyncLifetime
{
    /// <summary>Port of the server, TCP and UDP, for which tests make rules.</summary>
    public const int Port = 7777;

    /// <summary>Port of the Service in front of it.</summary>
    public const int ServicePort = 77;

    private const string Virtual4 = "10.96.7.7";
    private const string Virtual6 = "fd96::7:7";

    internal MeshLab Mesh { get; private set; } = null!;

    internal MeshNode Node => Mesh.Nodes[0];

    internal LabPod Client { get; private set; } = null!;

    internal LabPod Server { get; private set; } = null!;

    internal LabPod Other { get; private set; } = null!;

    internal LabPod PlainClient { get; private set; } = null!;

    internal LabPod PlainServer { get; private set; } = null!;

    public async ValueTask InitializeAsync()
    {
        await Lab.RemoveStaleAsync();
        Mesh = await MeshLab.CreateAsync(new MeshLabOptions());
        await Mesh.AddNodeAsync("node1");
        Mesh.Objects.Write("mesh", MeshObjects.Mesh());
        Client = await Mesh.AddPodAsync(Node, "client", "client");
        Server = await Mesh.AddPodAsync(Node, "server", "server");
        Other = await Mesh.AddPodAsync(Node, "other", "other");
        PlainClient = await Mesh.Lab.AddPodAsync(Node.Place, "plainc");
        PlainServer = await Mesh.Lab.AddPodAsync(Node.Place, "plains");
        Mesh.Objects.Write("service", $$"""
            apiVersion: v1
            kind: Service
            metadata: {name: server, namespace: {{MeshObjects.Namespace}}}
            spec:
              clusterIP: {{Virtual4}}
              clusterIPs: [{{Virtual4}}, "{{Virtual6}}"]
              selector: {app: server}
              ports:
                - {name: tcp, port: {{ServicePort}}, targetPort: {{Port}}}
                - {name: udp, port: {{ServicePort}}, targetPort: {{Port}}, protocol: UDP}
            """);
        await MeshFixture.StartAsync(Mesh);
        await Node.WaitForServiceAsync("server");
    }

    public ValueTask DisposeAsync() => Mesh is null ? ValueTask.CompletedTask : Mesh.DisposeAsync();

    /// <summary>The address of the Service.</summary>
    internal static IPAddress Virtual(TestFamily family) => IPAddress.Parse(family == TestFamily.IPv4 ? Virtual4 : Virtual6);
}
