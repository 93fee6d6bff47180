using Culvert.Labs.Mesh;

namespace Culvert.SystemTests.Coexist;

/// <summary>
/// NetworkPolicies that a cluster's engine enforces by its rules refuse between enrolled pods what they refused before, on one node and between nodes, whichever of its hooks the mesh's packets no longer come by.
/// </summary>
public sealed class PolicyEngineTests
{
    [Theory]
    [InlineData("kube-router", "legacy")]
    [InlineData("kube-router", "nft")]
    [InlineData("calico", "legacy")]
    [InlineData("calico", "nft")]
    public async Task What_is_refused_stays_refused_and_nothing_else(string engine, string variant)
    {
        await using var lab = await CoexistLab.CreateAsync();
        PodPolicy[] policies =
        [
            new(lab.Client, To: [lab.Near, lab.Outer]),
            new(lab.Near, From: [lab.Plain, lab.Outer]),
            new(lab.Far),
            new(lab.Plain),
            new(lab.Outer),
        ];
        foreach (var pod in new[] { lab.Client, lab.Near, lab.Far }) lab.Mesh.Objects.Write("workload-" + pod.Name, MeshObjects.Workload(pod, pod.Name));
        Declare(lab, policies);
        await lab.ApplyAsync(engine == "calico" ? PolicyEngineRules.Calico(policies, variant) : PolicyEngineRules.KubeRouter(policies, variant));
        Probe[] refused = [.. CoexistLab.Between((lab.Client, lab.Near), (lab.Client, lab.Far), (lab.Client, lab.Plain), (lab.Far, lab.Near))];
        Probe[] answered = [.. CoexistLab.Between((lab.Near, lab.Far), (lab.Client, lab.Outer), (lab.Plain, lab.Near), (lab.Plain, lab.Far), (lab.Outer, lab.Near), (lab.Far, lab.Outer), (lab.Plain, lab.Outer))];

        await lab.AssertUnchangedAsync([.. refused, .. answered], refused);
    }

    [Theory]
    [InlineData("kube-router", "legacy")]
    [InlineData("kube-router", "nft")]
    [InlineData("calico", "legacy")]
    [InlineData("calico", "nft")]
    public async Task What_is_refused_by_a_Service_stays_refused_and_nothing_else(string engine, string variant)
    {
        await using var lab = await CoexistLab.CreateAsync();
        var (near, far, outer) = KubeProxyTests.DeclareServices(lab);
        PodPolicy[] policies =
        [
            new(lab.Client, From: [lab.Plain], To: [lab.Far, lab.Outer]), // answers reach it as what the engine has seen begin, or not at all
            new(lab.Near, From: [lab.Plain, lab.Outer]),
            new(lab.Far),
            new(lab.Plain),
            new(lab.Outer),
        ];
        lab.Mesh.Objects.Write("workload-client", MeshObjects.Workload(lab.Client, lab.Client.Name));
        Declare(lab, policies);
        await lab.ApplyAsync(KubeProxyTests.Rules("iptables-" + variant, [near, far, outer]));
        await lab.ApplyAsync(engine == "calico" ? PolicyEngineRules.Calico(policies, variant) : PolicyEngineRules.KubeRouter(policies, variant));
        Probe[] refused = [.. KubeProxyTests.To(lab.Client, near), .. KubeProxyTests.To(lab.Far, near)];
        Probe[] answered = [.. KubeProxyTests.To(lab.Client, far), .. KubeProxyTests.To(lab.Client, outer), .. KubeProxyTests.To(lab.Plain, near), .. KubeProxyTests.To(lab.Plain, far), .. KubeProxyTests.To(lab.Near, far)];
        refused = [.. refused, .. CoexistLab.InFragments(refused)];
        answered = [.. answered, .. CoexistLab.InFragments(answered)];

        await lab.AssertUnchangedAsync([.. refused, .. answered], refused);
    }

    private static void Declare(CoexistLab lab, IEnumerable<PodPolicy> policies)
    {
        foreach (var policy in policies.Where(p => (p.From ?? p.To) is not null)) lab.Mesh.Objects.Write("networkpolicy-" + policy.Pod.Name, policy.ToObject());
    }
}
