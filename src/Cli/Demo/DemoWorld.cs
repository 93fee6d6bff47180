using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Culvert.Labs;
using Culvert.Labs.Mesh;
using Culvert.Protocol.V1;

namespace Culvert.Cli.Demo;

/// <summary>The demo's mesh: two nodes, a client and a guest on the first, a web server on each.</summary>
internal sealed class DemoWorld : IAsyncDisposable
{
    /// <summary>Port of the web servers.</summary>
    public const int Port = 8080;

    /// <summary>In every answer of the web servers; must never be seen on the link between the nodes.</summary>
    public const string Marker = "culvert-demo-plaintext";

    /// <summary>Name of the file with the policy that lets the client in.</summary>
    public const string PolicyFile = "policy-web";

    /// <summary>Virtual addresses of the service in front of both servers.</summary>
    public static readonly IPAddress ServiceAddress4 = IPAddress.Parse("10.96.0.10");

    private DemoWorld(MeshLab mesh) => Mesh = mesh;

    public MeshLab Mesh { get; }

    public MeshNode Node1 => Mesh.Nodes[0];

    public MeshNode Node2 => Mesh.Nodes[1];

    /// <summary>Pods whose <see cref="DatagramServer"/> runs.</summary>
    public HashSet<LabPod> DatagramServers { get; } = [];

    public required LabPod Client { get; init; }

    public required LabPod Guest { get; init; }

    public required LabPod Near { get; init; }

    public required LabPod Far { get; init; }

    /// <summary>Builds and starts everything.</summary>
    /// <param name="progress">Told what is being done.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public static async Task<DemoWorld> StartAsync(Action<string> progress, CancellationToken cancellationToken)
    {
        progress("building two nodes, a link and four pods out of network namespaces");
        var mesh = await MeshLab.CreateAsync(cancellationToken: cancellationToken);
        try
        {
            mesh.Objects.Write("mesh", MeshObjects.Mesh());
            mesh.Objects.Write(PolicyFile, MeshObjects.Allow("web", "web", [Port], "client"));
            mesh.Objects.Write("policy-more", MeshObjects.Allow("more", "web", [DatagramServer.Port, DatagramServer.HeaderPort], "client"));
            mesh.Objects.Write("service-web", MeshObjects.Service("web", "web", 80, Port, ServiceAddress4.ToString(), "fd96::10"));
            var node1 = await mesh.AddNodeAsync("node1", cancellationToken: cancellationToken);
            var node2 = await mesh.AddNodeAsync("node2", cancellationToken: cancellationToken);
            var world = new DemoWorld(mesh)
            {
                Client = await mesh.AddPodAsync(node1, "client", "client", cancellationToken),
                Guest = await mesh.AddPodAsync(node1, "guest", "guest", cancellationToken),
                Near = await mesh.AddPodAsync(node1, "near", "web", cancellationToken),
                Far = await mesh.AddPodAsync(node2, "far", "web", cancellationToken),
            };
            progress("starting nginx in two pods");
            await WebServer.StartAsync(world.Near, cancellationToken);
            await WebServer.StartAsync(world.Far, cancellationToken);
            progress("starting the controller");
            await mesh.StartControllerAsync(cancellationToken);
            progress("starting an agent on each node");
            await Task.WhenAll(node1.StartAgentAsync(true, cancellationToken), node2.StartAgentAsync(true, cancellationToken));
            return world;
        }
        catch
        {
            await mesh.DisposeAsync();
            throw;
        }
    }

    /// <summary>Asks a web server with curl from a pod.</summary>
    public static Task<ToolResult> CurlAsync(LabPod from, IPAddress to, CancellationToken cancellationToken, int port = Port) => from.RunAsync(
        "curl", ["-sS", "-g", "--max-time", (5 * LabWait.Patience).ToString(CultureInfo.InvariantCulture), Url(to, port, "/")], null, null, cancellationToken);

    /// <summary>Asks over IPv4 and over IPv6 and demands answers with the client's own address in them.</summary>
    public static async Task RequireAnswersAsync(LabPod from, LabPod to, CancellationToken cancellationToken)
    {
        foreach (var (target, own) in new[] { (to.Address4, from.Address4), (to.Address6, from.Address6) })
        {
            var answer = await CurlAsync(from, target, cancellationToken);
            DemoFailedException.ThrowUnless(answer.Succeeded, $"curl from {from} to {target} failed: {answer.Error.Trim()}");
            DemoFailedException.ThrowUnless(
                answer.Output.Contains($"client={own} ", StringComparison.Ordinal) && answer.Output.Contains(Marker, StringComparison.Ordinal),
                $"{to} answered '{answer.Output.Trim()}', not with the client's address {own}");
        }
    }

    /// <summary>Waits until nobody asks about requests any more, so that those of one node stay in the kernel again.</summary>
    public Task WaitForKernelPathAsync(CancellationToken cancellationToken) => LabWait.UntilAsync(
        "requests of one node stay in the kernel again",
        async () => (await Node1.ExplainAsync($"{MeshObjects.Namespace}/client", $"{MeshObjects.Namespace}/near", Port, TransportProtocol.Tcp, cancellationToken)).Path == FlowPath.Direct,
        TimeSpan.FromSeconds(10),
        null,
        cancellationToken);

    /// <summary>Address of a page.</summary>
    public static string Url(IPAddress host, int port, string path) => string.Create(
        CultureInfo.InvariantCulture,
        $"http://{(host.AddressFamily == AddressFamily.InterNetworkV6 ? $"[{host}]" : host.ToString())}:{port}{path}");

    /// <inheritdoc/>
    public ValueTask DisposeAsync() => Mesh.DisposeAsync();
}
