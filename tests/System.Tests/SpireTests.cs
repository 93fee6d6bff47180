using System.Security.Cryptography;
using Culvert.Core;
using Culvert.Labs;
using Culvert.Labs.Mesh;
using Culvert.Protocol.V1;
using Culvert.Protocol.WorkloadApi;
using Culvert.SystemTests.Fixtures;
using Culvert.SystemTests.Peers;
using Culvert.Tests.Shared.Spire;
using Google.Protobuf;
using Grpc.Core;

namespace Culvert.SystemTests;

/// <summary>Meshes whose certificates a SPIRE server signs, or SPIRE's agents give.</summary>
[Collection(MeshCollection.Name)]
public sealed class SpireTests
{
    private static readonly TimeSpan Answer = TimeSpan.FromSeconds(10);

    // With what a lifetime may vary by.
    private static readonly TimeSpan LongestLife = TimeSpan.FromSeconds(12);

    [Fact]
    public async Task The_servers_authority_is_replaced_and_the_server_is_away_without_a_failed_request()
    {
        await using var spire = await StandInSpire.StartAsync();
        await using var place = await RootLab.StartAsync(lifetime: "10s", "--spire-server", "unix://" + spire.ServerSocket);
        using var longLived = await PeerServer.ConnectAsync(place.Client, place.Server.EndPoint);
        await PeerServer.PingAsync(longLived, Answer);
        await using var requests = Requests.Start(place.Client, place.Server.EndPoint);

        spire.Prepare();
        await place.WaitForRootsAsync(place.Mesh.Nodes, RootsAsync);
        spire.Activate();

        // Until connections that were made by the certificates of before have given way, too.
        var activated = TimeProvider.System.GetUtcNow();
        await Task.WhenAll(place.Mesh.Nodes.Select(n => place.WaitForCertificateAsync(n, activated + (2 * LongestLife))));
        spire.Revoke();
        await place.WaitForRootsAsync(place.Mesh.Nodes, RootsAsync);
        await requests.MoreAsync(20);

        // Away for less than certificates live beyond the time of their renewal.
        spire.Fault = _ => new Status(StatusCode.Unavailable, "gone");
        await LabWait.UntilAsync("a certificate is asked for in vain", () => spire.Unsigned > 0, TimeSpan.FromSeconds(30));
        await requests.MoreAsync(20);
        spire.Fault = _ => null;
        var back = TimeProvider.System.GetUtcNow();
        await Task.WhenAll(place.Mesh.Nodes.Select(n => place.WaitForCertificateAsync(n, back + LongestLife)));

        await PeerServer.PingAsync(longLived, Answer);
        await requests.MoreAsync(20);
        await requests.StopAsync();
        Assert.Empty(requests.Failures);

        Task<IReadOnlyList<string>> RootsAsync() => Task.FromResult<IReadOnlyList<string>>([.. spire.Roots.Select(r => Convert.ToHexString(r.RawDataMemory.Span))]);
    }

    [Fact]
    public async Task Spires_agents_give_the_certificates_of_nodes_and_workloads_and_are_started_again_without_a_failed_request()
    {
        await using var spire = await StandInSpire.StartAsync();
        await using var agent = new StandInSpireAgent(StandInSpire.TrustDomain);
        foreach (string account in (string[])["client", "web", "other"]) agent.Register(account, $"spiffe://{StandInSpire.TrustDomain}/ns/demo/sa/{account}", "k8s:ns:demo", $"k8s:sa:{account}");
        await agent.StartAsync();
        await using var workloadApi = await StandInWorkloadApi.StartAsync();
        workloadApi.Tell(new() { Svids = { ((string[])["node1", "node2", "node3"]).Select(n => OfNode(spire, n)) } });
        await using var place = await RootLab.StartAsync(lifetime: null, new MeshLabOptions
        {
            AgentsJoin = false,
            ControllerArguments = ["--spire-server", "unix://" + spire.ServerSocket],
            AgentArguments = ["--spire-agent", "unix://" + agent.Socket, "--spire-workload-api", "unix://" + workloadApi.Socket],
        });
        foreach (var node in place.Mesh.Nodes)
        {
            using var admin = new AdminCalls(node.AdminSocket);
            var held = await admin.Service.IdentitiesAsync(new IdentitiesRequest(), AdminCalls.Options(default)).ResponseAsync;
            Assert.Equal([$"spiffe://{StandInSpire.TrustDomain}/culvert/node/{node.Name}"], held.Identities.Where(i => i.IsNode).Select(i => i.Identity));
            Assert.All(held.Identities, i => Assert.Equal(("spire-agent", ""), (i.Source, i.Error)));
        }
        using var longLived = await PeerServer.ConnectAsync(place.Client, place.Server.EndPoint);
        await PeerServer.PingAsync(longLived, Answer);
        await using var requests = Requests.Start(place.Client, place.Server.EndPoint);

        await agent.StopAsync();
        await requests.MoreAsync(20);
        byte[] before = agent.CertificateOf("client");
        await agent.StartAsync();
        await LabWait.UntilAsync("the certificates of after the restart are in use", async () => !(await InUseAsync(place, "client")).AsSpan().SequenceEqual(before), TimeSpan.FromSeconds(30));
        await requests.MoreAsync(20);
        agent.Renew("web");
        await requests.MoreAsync(20);

        await PeerServer.PingAsync(longLived, Answer);
        await requests.StopAsync();
        Assert.Empty(requests.Failures);
    }

    private static async Task<byte[]> InUseAsync(RootLab place, string account)
    {
        using var admin = new AdminCalls(place.Mesh.Nodes[0].AdminSocket);
        var held = await admin.Service.IdentitiesAsync(new IdentitiesRequest(), AdminCalls.Options(default)).ResponseAsync;
        return held.Identities.Single(i => i.Identity.EndsWith("/sa/" + account, StringComparison.Ordinal)).Chain[0].ToByteArray();
    }

    private static X509SVID OfNode(StandInSpire spire, string node)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var id = SpiffeId.ForNode(StandInSpire.TrustDomain, node);
        using var certificate = spire.Sign(key, id);
        return new()
        {
            SpiffeId = id.ToString(),
            X509Svid = ByteString.CopyFrom(certificate.RawData),
            X509SvidKey = ByteString.CopyFrom(key.ExportPkcs8PrivateKey()),
            Bundle = ByteString.CopyFrom([.. spire.Roots.SelectMany(r => r.RawData)]),
        };
    }
}
