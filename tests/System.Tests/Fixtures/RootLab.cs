using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;
using Culvert.Labs;
using Culvert.Labs.Mesh;
using Culvert.Protocol.V1;
using Culvert.SystemTests.Peers;

namespace Culvert.SystemTests.Fixtures;

/// <summary>A mesh with a client and a server on two nodes, and a third node whose agent can be away.</summary>
internal sealed class RootLab : IAsyncDisposable
{
    private static readonly TimeSpan Answer = TimeSpan.FromSeconds(10);

    private RootLab(MeshLab mesh, MeshNode away, LabPod client, PeerServer server) => (Mesh, Away, Client, Server) = (mesh, away, client, server);

    public MeshLab Mesh { get; }

    public MeshNode Away { get; }

    public LabPod Client { get; }

    public PeerServer Server { get; }

    public static Task<RootLab> StartAsync(string? lifetime, params IReadOnlyList<string> controllerArguments) => StartAsync(lifetime, new MeshLabOptions { ControllerArguments = controllerArguments });

    public static async Task<RootLab> StartAsync(string? lifetime, MeshLabOptions options)
    {
        var mesh = await MeshFixture.CreateAsync(options);
        mesh.Objects.Write("mesh", MeshObjects.Mesh(lifetime));
        var client = await mesh.AddPodAsync(mesh.Nodes[0], "client", "client");
        var far = await mesh.AddPodAsync(mesh.Nodes[1], "far", "web");
        var away = await mesh.AddNodeAsync("node3");
        await mesh.AddPodAsync(away, "other", "other");
        await MeshFixture.StartAsync(mesh);
        RootLab place = new(mesh, away, client, PeerServer.Start(far, far.Address4, PeerServer.EchoAsync));
        await LabWait.UntilAsync("the client is let in", place.CanConnectAsync, TimeSpan.FromSeconds(20));
        return place;
    }

    public async Task<string> SigningRootAsync() =>
        (await RootLinesAsync()).Single(l => l.EndsWith("signs", StringComparison.Ordinal)).Split(' ')[0];

    public async Task<string> RootLineAsync(string id) => (await RootLinesAsync()).Single(l => l.StartsWith(id, StringComparison.Ordinal));

    public Task WaitForOneRootAsync(IEnumerable<MeshNode> nodes) => WaitForRootsAsync(nodes, NewRootsAsync);

    public Task WaitForRootsAsync(IEnumerable<MeshNode> nodes, Func<Task<IReadOnlyList<string>>> roots) => Task.WhenAll(nodes.Select(n => LabWait.UntilAsync(
        $"{n.Name} trusts the roots, and no other",
        async () => (await BundleAsync(n)).SequenceEqual(await roots()),
        TimeSpan.FromSeconds(30),
        n.Agent)));

    public Task WaitForCertificateAsync(MeshNode node) => WaitForCertificateAsync(node, TimeProvider.System.GetUtcNow());

    public Task WaitForCertificateAsync(MeshNode node, DateTimeOffset beyond) => LabWait.UntilAsync(
        $"{node.Name} has a certificate for its workload that ends after {beyond:O}",
        async () => (await node.StatusAsync()).Workloads.Single().CertificateNotAfter?.ToDateTimeOffset() > beyond,
        TimeSpan.FromSeconds(30),
        node.Agent);

    /// <summary>Established ones, as the kernel lists them (proc_net_tcp: addresses and state in hexadecimal).</summary>
    public static int ConnectionsToController(MeshNode node) => File.ReadLines($"/proc/{node.Agent!.Id}/net/tcp6").Concat(File.ReadLines($"/proc/{node.Agent.Id}/net/tcp"))
        .Select(l => l.Split(' ', StringSplitOptions.RemoveEmptyEntries))
        .Count(f => f[2].EndsWith(":3AA4", StringComparison.Ordinal) && f[3] == "01");

    public async Task<bool> CanConnectAsync()
    {
        try
        {
            using var socket = await PeerServer.ConnectAsync(Client, Server.EndPoint);
            await PeerServer.PingAsync(socket, Answer);
            return true;
        }
        catch (SocketException)
        {
            return false; // reset by the proxy: not yet; the deadline says what was awaited
        }
    }

    public async ValueTask DisposeAsync()
    {
        await Server.DisposeAsync();
        await Mesh.DisposeAsync();
    }

    private async Task<string[]> RootLinesAsync() =>
        (await Mesh.RunControllerVerbAsync(["root", "list"])).Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);

    private static async Task<IReadOnlyList<string>> BundleAsync(MeshNode node)
    {
        using var admin = new AdminCalls(node.AdminSocket);
        var snapshot = await admin.Service.DumpSnapshotAsync(new DumpSnapshotRequest(), AdminCalls.Options(default)).ResponseAsync;
        return [.. snapshot.Resources.Single(r => r.TrustBundle is not null).TrustBundle.Roots.Select(r => Convert.ToHexString(r.Span))];
    }

    // What the controller writes for those who join: the bundle. One, once a rotation is over.
    private async Task<IReadOnlyList<string>> NewRootsAsync()
    {
        X509Certificate2Collection roots = [];
        roots.ImportFromPem(await File.ReadAllTextAsync(Mesh.Roots));
        Assert.Single(roots);
        return [.. roots.Select(r => Convert.ToHexString(r.RawDataMemory.Span))];
    }
}
