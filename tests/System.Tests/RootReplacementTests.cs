using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;
using Culvert.Labs;
using Culvert.Labs.Mesh;
using Culvert.Protocol.V1;
using Culvert.SystemTests.Fixtures;
using Culvert.SystemTests.Peers;

namespace Culvert.SystemTests;

/// <summary>The root of a running mesh is replaced: what connections, nodes and an agent that was away meanwhile see of it.</summary>
[Collection(MeshCollection.Name)]
public sealed class RootReplacementTests
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(90);
    private static readonly TimeSpan Answer = TimeSpan.FromSeconds(10);

    [Fact]
    public async Task A_root_is_replaced_without_a_failed_request_and_an_agent_that_was_away_comes_back()
    {
        await using var place = await RootLab.StartAsync(lifetime: "10s", "--root-activation-seconds", "2");
        using var longLived = await PeerServer.ConnectAsync(place.Client, place.Server.EndPoint);
        await PeerServer.PingAsync(longLived, Answer);
        await using var requests = Requests.Start(place.Client, place.Server.EndPoint);
        await place.Away.StopAgentAsync();

        var old = await place.SigningRootAsync();
        await place.Mesh.RunControllerVerbAsync(["root", "rotate"]);
        await LabWait.UntilAsync("the old root has left the bundle", async () => (await place.RootLineAsync(old)).Contains("left the bundle", StringComparison.Ordinal), Limit);
        await place.WaitForOneRootAsync(place.Mesh.Nodes.Except([place.Away]));

        await PeerServer.PingAsync(longLived, Answer);
        await requests.MoreAsync(20);
        await requests.StopAsync();
        Assert.Empty(requests.Failures);

        // Each has had some ten certificates of its own by now; the controller lets a node have 16 connections.
        Assert.All(place.Mesh.Nodes.Except([place.Away]), n => Assert.InRange(RootLab.ConnectionsToController(n), 1, 6));

        // Its token is used up, its certificate has ended, and the root below which it was is gone.
        await place.Away.StartAgentAsync();
        await place.WaitForOneRootAsync([place.Away]);
        await place.WaitForCertificateAsync(place.Away);
    }

    [Fact]
    [Trait("Category", "Attack")]
    public async Task What_a_removed_root_has_signed_is_trusted_by_nobody_and_no_node_has_to_join_again()
    {
        await using var place = await RootLab.StartAsync(lifetime: null);
        using var longLived = await PeerServer.ConnectAsync(place.Client, place.Server.EndPoint);
        await PeerServer.PingAsync(longLived, Answer);
        await place.Away.StopAgentAsync();

        var stolen = await place.SigningRootAsync();
        await place.Mesh.RunControllerVerbAsync(["root", "rotate", "--now"]);
        await place.Mesh.RunControllerVerbAsync(["root", "remove", stolen]);
        await place.WaitForOneRootAsync(place.Mesh.Nodes.Except([place.Away]));
        await Assert.ThrowsAsync<SocketException>(async () =>
        {
            while (true)
            {
                await PeerServer.PingAsync(longLived, Answer);
            }
        }).WaitAsync(Limit);

        // By certificates below the new root: the agents know no other.
        await LabWait.UntilAsync("a connection is made again", place.CanConnectAsync, Limit);
        await using var requests = Requests.Start(place.Client, place.Server.EndPoint);
        await requests.MoreAsync(20);
        await requests.StopAsync();
        Assert.Empty(requests.Failures);

        await place.Away.StartAgentAsync();
        await place.WaitForOneRootAsync([place.Away]);
        await place.WaitForCertificateAsync(place.Away);
    }

    /// <summary>A mesh with a client and a server on two nodes, and a third node whose agent can be away.</summary>
    private sealed class RootLab : IAsyncDisposable
    {
        private RootLab(MeshLab mesh, MeshNode away, LabPod client, PeerServer server) => (Mesh, Away, Client, Server) = (mesh, away, client, server);

        public MeshLab Mesh { get; }

        public MeshNode Away { get; }

        public LabPod Client { get; }

        public PeerServer Server { get; }

        public static async Task<RootLab> StartAsync(string? lifetime, params IReadOnlyList<string> controllerArguments)
        {
            var mesh = await MeshFixture.CreateAsync(new MeshLabOptions { ControllerArguments = controllerArguments });
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

        public Task WaitForOneRootAsync(IEnumerable<MeshNode> nodes) => Task.WhenAll(nodes.Select(n => LabWait.UntilAsync(
            $"{n.Name} trusts the new root alone",
            async () => (await BundleAsync(n)).SequenceEqual(await NewRootsAsync()),
            TimeSpan.FromSeconds(30),
            n.Agent)));

        public Task WaitForCertificateAsync(MeshNode node) => LabWait.UntilAsync(
            $"{node.Name} has a certificate for its workload",
            async () => (await node.StatusAsync()).Workloads.Single().CertificateNotAfter?.ToDateTimeOffset() > TimeProvider.System.GetUtcNow(),
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
}
