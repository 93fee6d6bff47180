using System.Collections.Immutable;

namespace Culvert.Core.Tests.Compilation;

/// <summary>Workloads share a set, and kernel entries outlive a snapshot, by a set's name: all that verdicts depend on has to be in it.</summary>
public sealed class PolicySetsTests
{
    private static readonly string[] OfNoVerdict =
    [
        nameof(MeshSettings.DefaultMtlsMode), nameof(MeshSettings.DirectPath), nameof(MeshSettings.ExcludedCidrs), nameof(MeshSettings.ExcludedPorts), nameof(MeshSettings.IcmpEcho),
        nameof(MeshSettings.TunnelSource), nameof(MeshSettings.ExternalAuthorizers), nameof(MeshSettings.ForwardClientCert), nameof(MeshSettings.AccessLog), nameof(MeshSettings.Tracing), nameof(MeshSettings.Revoked),
        nameof(MeshSettings.CertificateLifetime), nameof(MeshSettings.CertificateLifetimeJitter),
        nameof(WorkloadInfo.Uid), nameof(WorkloadInfo.RequestAuthenticationNames), nameof(WorkloadInfo.Name), nameof(WorkloadInfo.ServiceAccount), nameof(WorkloadInfo.Identity), nameof(WorkloadInfo.Node), nameof(WorkloadInfo.Addresses),
        nameof(WorkloadInfo.Labels), nameof(WorkloadInfo.Enrolled), nameof(WorkloadInfo.EnrolmentRefused), nameof(WorkloadInfo.PodUid), nameof(WorkloadInfo.HostInterface), nameof(WorkloadInfo.NetworkNamespace),
        nameof(WorkloadInfo.Owner), nameof(WorkloadInfo.PeerGroups), nameof(WorkloadInfo.Healthy), nameof(WorkloadInfo.ApplicationPorts), nameof(WorkloadInfo.ProxyProtocolPorts), nameof(WorkloadInfo.BareProxyProtocolPorts), nameof(WorkloadInfo.TrustedProxies),
    ];

    private static readonly NetworkPolicyInfo Isolating = new()
    {
        Name = new("shop", "isolating"),
        IsolatesIngress = true,
        IsolatesEgress = true,
        Ingress = [new NetworkPolicyRule { Ports = [NetworkPolicyPort.Exactly(0, TransportProtocol.Tcp) with { Name = "web" }] }],
    };

    private static readonly WorkloadInfo Web = Given.Workload("web", "10.0.0.1") with { NetworkPolicyNames = [Isolating.Name] };

    public static TheoryData<string> Settings => [.. Altered.FieldsOf<MeshSettings>()];

    public static TheoryData<string> Fields => [.. Altered.FieldsOf<WorkloadInfo>()];

    [Theory, MemberData(nameof(Settings))]
    public void What_verdicts_depend_on_of_the_mesh_is_in_the_name(string setting) =>
        Assert.Equal(OfNoVerdict.Contains(setting), Name(new MeshSettings(), Web) == Name(Altered.In(new MeshSettings(), setting), Web));

    [Theory, MemberData(nameof(Fields))]
    public void What_verdicts_depend_on_of_the_workload_is_in_the_name(string field) =>
        Assert.Equal(OfNoVerdict.Contains(field), Name(new MeshSettings(), Web) == Name(new MeshSettings(), Altered.In(Web with { }, field)));

    private static string Name(MeshSettings mesh, WorkloadInfo workload)
    {
        NodeSnapshot snapshot = new()
        {
            Version = 1,
            Node = "n1",
            Mesh = mesh,
            Workloads = ImmutableDictionary<string, WorkloadInfo>.Empty.Add(workload.Uid, workload),
            NetworkPolicies = ImmutableDictionary<NamespacedName, NetworkPolicyInfo>.Empty.Add(Isolating.Name, Isolating),
        };
        return new PolicySets(snapshot, new PolicyInput(snapshot, [workload]), []).IngressName(workload);
    }
}
