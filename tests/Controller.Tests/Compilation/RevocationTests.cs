using Culvert.Controller.Compilation;
using Culvert.Controller.Snapshots;
using Culvert.Controller.Store;
using Culvert.Core;
using Culvert.Tests.Shared;
using Google.Protobuf;
using Grpc.Core;

namespace Culvert.Controller.Tests;

/// <summary>What a revoked identity may still do: nothing.</summary>
[Trait("Category", "Attack")]
public sealed class RevocationTests
{
    private const string World = """
        apiVersion: culvert.dev/v1alpha1
        kind: Workload
        metadata: {name: web, namespace: shop}
        spec: {node: n1, serviceAccount: web, addresses: [10.0.0.1]}
        ---
        apiVersion: culvert.dev/v1alpha1
        kind: Workload
        metadata: {name: front, namespace: edge}
        spec: {node: n1, serviceAccount: front, addresses: [10.0.0.2]}
        ---
        apiVersion: culvert.dev/v1alpha1
        kind: Workload
        metadata: {name: api, namespace: shop}
        spec: {node: n1, serviceAccount: api, addresses: [10.0.0.3]}
        ---
        apiVersion: culvert.dev/v1alpha1
        kind: AuthorizationPolicy
        metadata: {name: all, namespace: shop}
        spec: {action: ALLOW, rules: [{}]}

        """;

    [Theory]
    [InlineData("front", "web", false)]
    [InlineData("web", "front", false)]
    [InlineData("api", "front", false)]
    [InlineData("web", "api", true)]
    [InlineData("api", "web", true)]
    public void ItIsRefusedByEverybodyAndRefusesEverybody(string from, string to, bool isAllowed)
    {
        Decision decision = Evaluate(Compile("{identities: ['spiffe://cluster.local/ns/edge/sa/front']}"), from, to);
        Assert.Equal(isAllowed ? Verdict.Allow : Verdict.Deny, decision.Verdict);
        if (isAllowed) return;
        Assert.Equal(DecisionReason.DeniedByPolicy, decision.Reason);
        Assert.StartsWith("culvert-system/meshconfig:revoked", decision.Policy.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void WhatListsNameIsRevokedBesideWhatTheMeshConfigNames()
    {
        MeshCompiler compiler = new();
        Assert.True(CertificateSerial.TryParse("02", out CertificateSerial listed, out _));
        ObjectSet objects = Read("{serials: ['01']}");
        ResourceCatalog both = compiler.Update(objects, null, [], revoked: [listed]);
        Assert.Equal(["1", "2"], both.Mesh.Revoked.Serials.Select(s => s.ToString()));
        Assert.Equal(["2"], compiler.Update(Read(null), null, [], revoked: [listed]).Mesh.Revoked.Serials.Select(s => s.ToString()));
        Assert.Empty(compiler.Update(Read(null), null, []).Mesh.Revoked.Serials);
    }

    [Fact]
    public void OnceItIsTakenOffTheListNothingIsLeftOfIt()
    {
        MeshCompiler compiler = new();
        ResourceCatalog before = compiler.Update(Read(null), null, []);
        ResourceCatalog revoked = compiler.Update(Read("{identities: ['spiffe://cluster.local/ns/edge/sa/front'], serials: ['01']}"), null, []);
        ResourceCatalog after = compiler.Update(Read(null), null, []);
        Assert.Equal(before.Policies.Keys.Order(), after.Policies.Keys.Order());
        Assert.Equal(before.Policies.Count + 2, revoked.Policies.Count);
        Assert.All(after.Workloads.Values, w => Assert.Equal(before.Workloads[w.Uid], w));
        Assert.Equal(Verdict.Allow, Evaluate(after, "front", "web").Verdict);
    }

    [Fact]
    public async Task ItGetsNoCertificateAndOthersDo()
    {
        await using Running running = await Running.StartAsync(f => f.Write("objects/world.yaml", World));
        using FakeAgent joining = FakeAgent.OverTls(running.Host, "n1");
        using FakeAgent agent = FakeAgent.OverTls(running.Host, "n1", await joining.JoinAsync(running.Host.Tokens.Create("n1", TimeSpan.FromHours(1))));
        await agent.OpenAsync();
        await agent.NextAsync();
        await SignAsync(agent, "edge/front");
        running.Write("mesh.yaml", Mesh("{identities: ['spiffe://cluster.local/ns/edge/sa/front']}"));
        await agent.NextAsync();
        RpcException refused = await Assert.ThrowsAsync<RpcException>(() => SignAsync(agent, "edge/front"));
        Assert.Equal(StatusCode.PermissionDenied, refused.StatusCode);
        Assert.Contains("spiffe://cluster.local/ns/edge/sa/front is revoked: spec.revoked.identities", refused.Status.Detail, StringComparison.Ordinal);
        await SignAsync(agent, "shop/web");
    }

    private static async Task SignAsync(FakeAgent agent, string workload)
    {
        (byte[] csr, _) = FakeAgent.NewCsr();
        await agent.Certificates.SignWorkloadAsync(new() { WorkloadUid = workload, CsrDer = ByteString.CopyFrom(csr) }, agent.Options);
    }

    private static string Mesh(string revoked) => $$"""
        apiVersion: culvert.dev/v1alpha1
        kind: MeshConfig
        metadata: {name: default}
        spec: {revoked: {{revoked}}}
        """;

    private static ResourceCatalog Compile(string revoked) => MeshCompiler.Compile(Read(revoked), []);

    private static ObjectSet Read(string? revoked)
    {
        ObjectSet objects = ObjectSetReader.Read([new("a.yaml", revoked is null ? World : $"{World}---\n{Mesh(revoked)}\n")], ObjectSet.Empty);
        Assert.Empty(objects.Errors);
        return objects;
    }

    private static Decision Evaluate(ResourceCatalog catalog, string from, string to)
    {
        NodeSnapshot snapshot = catalog.SnapshotFor("n1");
        WorkloadInfo source = snapshot.Workloads.Values.Single(w => w.Name.Name == from);
        return PolicyEvaluator.Evaluate(snapshot, new ConnectionRequest
        {
            SourceIdentity = source.Identity,
            SourceAddress = source.Addresses[0],
            SourceWorkload = source,
            Destination = snapshot.Workloads.Values.Single(w => w.Name.Name == to),
            Port = 80,
            Protocol = TransportProtocol.Tcp,
            Authenticated = true,
        });
    }
}
