using Culvert.Controller.Attestation;
using Culvert.Controller.Attestation.Kubernetes;
using Culvert.Kubernetes.Client;
using Culvert.Kubernetes.Tests.Cluster;

namespace Culvert.Controller.Tests.Kubernetes;

/// <summary>Nodes that join by the token of their agent's pod.</summary>
[Collection(TestClusterCollection.Name)]
public sealed class ServiceAccountTokenTests(TestCluster cluster)
{
    private const string Agents = "culvert-agent";

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task ATokenOfTheAgentsPodProvesItsNodeAndNoOther()
    {
        string ns = await cluster.NamespaceAsync();
        KubernetesAttestor attestor = Attestor(ns);
        string token = await TokenAsync(ns, Agents, "agent-a");
        Assert.Equal("n1", await attestor.VerifyAsync(new("n1", token), Stop));
        await attestor.ConsumeAsync(new("n1", token), Stop);
        Assert.Equal("n1", await attestor.VerifyAsync(new("n1", token), Stop));
        await RefusedAsync(attestor, new("n2", token), AttestationFailure.OtherNode, "of a pod of another node");
    }

    [Fact]
    public async Task ATokenForSomebodyElseOrOfSomebodyElseOrOfNoPodProvesNothing()
    {
        string ns = await cluster.NamespaceAsync();
        KubernetesAttestor attestor = Attestor(ns);
        await RefusedAsync(attestor, new("n1", "not.a.token"), AttestationFailure.Unknown, "is no service account token");
        await RefusedAsync(attestor, new("n1", await TokenAsync(ns, Agents, "agent-b", "other-service")), AttestationFailure.Unknown, "is not for the audience");
        await RefusedAsync(attestor, new("n1", Tokens.Of($"system:serviceaccount:{ns}:{Agents}")), AttestationFailure.Unknown, "does not take the token");
        await RefusedAsync(attestor, new("n1", await TokenAsync(ns, "web", "web")), AttestationFailure.Unknown, $"is of 'system:serviceaccount:{ns}:web'");
        await RefusedAsync(attestor, new("n1", await TokenAsync(ns, Agents, null)), AttestationFailure.Unknown, "bound to no pod");
        string token = await TokenAsync(ns, Agents, "agent-c");
        await cluster.Server.KubectlAsync("", "delete", "pod", "agent-c", "-n", ns, "--grace-period=0", "--force");
        await RefusedAsync(attestor, new("n1", token), AttestationFailure.Unknown, "");
    }

    [Fact]
    public async Task WithoutARoleItIsSaidWhichIsMissingAndTheNodeComesAgain()
    {
        string ns = await cluster.NamespaceAsync();
        using KubernetesClient nobody = cluster.Server.Client(ApiServer.NobodyToken);
        var attestor = new KubernetesAttestor(nobody, new() { ServiceAccount = new(ns, Agents) }, TimeProvider.System);
        AttestationException e = await RefusedAsync(attestor, new("n1", await TokenAsync(ns, Agents, "agent-d")), AttestationFailure.Unavailable, "lacks the verb create on tokenreviews");
        Assert.NotNull(e.RetryAfter);
    }

    [Fact]
    public async Task ANodeJoinsByItAndByAJoinTokenToo()
    {
        string ns = await cluster.NamespaceAsync();
        await using RunningOnCluster controller = await RunningOnCluster.StartAsync(cluster.Options(), null, o => o with { ServiceAccountTokens = new() { ServiceAccount = new(ns, Agents) } });
        await controller.SnapshotAsync(s => s.Version > 0);
        using FakeAgent first = FakeAgent.OverTls(controller.Host, "n1"), second = FakeAgent.OverTls(controller.Host, "n7");
        Assert.NotNull(await first.JoinAsync(await TokenAsync(ns, Agents, "agent-e")));
        Assert.NotNull(await second.JoinAsync(controller.Host.Tokens.Create("n7", TimeSpan.FromHours(1))));
    }

    private KubernetesAttestor Attestor(string ns) => new(cluster.Admin, new() { ServiceAccount = new(ns, Agents) }, TimeProvider.System);

    private static async Task<AttestationException> RefusedAsync(KubernetesAttestor attestor, NodeEvidence evidence, AttestationFailure failure, string reason)
    {
        AttestationException e = await Assert.ThrowsAsync<AttestationException>(() => attestor.VerifyAsync(evidence, Stop));
        Assert.Equal(failure, e.Reason);
        Assert.Contains(reason, e.Message, StringComparison.Ordinal);
        return e;
    }

    /// <summary>A token as the kubelet asks for it, bound to a pod on n1 that is made for it; or to none.</summary>
    private async Task<string> TokenAsync(string ns, string account, string? pod, string audience = KubernetesAttestorOptions.DefaultAudience)
    {
        await cluster.KubectlAsync($"apiVersion: v1\nkind: ServiceAccount\nmetadata: {{name: {account}, namespace: {ns}}}");
        if (pod is not null) await cluster.PodAsync(ns, pod, "192.0.2.7", spec: $"hostNetwork: true, serviceAccountName: {account},");
        return await cluster.TokenAsync(ns, account, audience, pod);
    }
}
