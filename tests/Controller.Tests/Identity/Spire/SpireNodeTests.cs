using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Culvert.Core;
using Culvert.Protocol;
using Culvert.Protocol.V1;
using Culvert.Tests.Shared.Spire;
using Google.Protobuf;
using Grpc.Core;

namespace Culvert.Controller.Tests.Identity.Spire;

/// <summary>Nodes whose own certificates SPIRE has made, and not the controller.</summary>
public sealed class SpireNodeTests
{
    private const string Mesh = """
        apiVersion: culvert.dev/v1alpha1
        kind: MeshConfig
        metadata:
          name: default
        spec:
          trustDomain: demo.culvert
        """;

    [Fact]
    public async Task ANodeIsLetInWithoutHavingJoinedAndRefusedOnceItIsRevoked()
    {
        await using StandInSpire spire = await StandInSpire.StartAsync();
        Assert.True(SpiffeEndpoint.TryParse("unix://" + spire.ServerSocket, out SpiffeEndpoint? socket, out string? error), error);
        await using Running running = await Running.StartAsync(
            folder =>
            {
                folder.Write("objects/mesh.yaml", Mesh);
                folder.Write("objects/web.yaml", Objects.Workload("web", "10.0.0.1"));
            },
            options => options with { Spire = new() { Socket = socket, BundleInterval = TimeSpan.FromMilliseconds(50) } });
        using ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        using X509Certificate2 leaf = spire.Sign(key, SpiffeId.ForNode(StandInSpire.TrustDomain, "node-1"));
        using FakeAgent agent = FakeAgent.OverTls(running.Host, "node-1", new SslClientIdentity(leaf.CopyWithPrivateKey(key), []));
        SignWorkloadRequest request = new() { WorkloadUid = "shop/web", CsrDer = ByteString.CopyFrom(CsrIdentity.Create(key, SpiffeId.ForServiceAccount(StandInSpire.TrustDomain, "shop", "web"))) };
        CertificateResponse signed = await agent.Certificates.SignWorkloadAsync(request, agent.Options);
        Assert.Equal("spiffe://demo.culvert/ns/shop/sa/web", signed.Identity);

        running.Host.CertifiedNodes.Revoke("node-1");
        RpcException refusal = await Assert.ThrowsAsync<RpcException>(async () => await agent.Certificates.SignWorkloadAsync(request, agent.Options));
        Assert.Equal(StatusCode.Unauthenticated, refusal.StatusCode);
    }
}
