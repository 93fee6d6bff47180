using System.Net;
using System.Net.Sockets;
using Culvert.Labs;
using Culvert.Labs.Mesh;

namespace Culvert.SystemTests.Coexist;

/// <summary>What NetworkPolicies say of a pod, as policy engines render it: who may speak to it, and to whom it may speak.</summary>
/// <param name="Pod">The pod.</param>
/// <param name="From">Who may; null: it is not isolated for ingress.</param>
/// <param name="To">To whom it may; null: it is not isolated for egress.</param>
internal sealed record PodPolicy(LabPod Pod, IReadOnlyList<LabPod>? From = null, IReadOnlyList<LabPod>? To = null)
{
    /// <summary>The same as an object, for a workload that has its pod's name as label <c>app</c>.</summary>
    public string ToObject() => $$$"""
        apiVersion: networking.k8s.io/v1
        kind: NetworkPolicy
        metadata: {name: {{{Pod.Name}}}, namespace: {{{MeshObjects.Namespace}}}}
        spec:
          podSelector: {matchLabels: {app: {{{Pod.Name}}}}}
          policyTypes: [{{{string.Join(", ", new[] { From is null ? null : "Ingress", To is null ? null : "Egress" }.OfType<string>())}}}]
        {{{(From is null ? "" : $"  ingress: [{{from: [{Peers(From)}]}}]")}}}
        {{{(To is null ? "" : $"  egress: [{{to: [{Peers(To)}]}}]")}}}
        """;

    private static string Peers(IEnumerable<LabPod> pods) => string.Join(", ", pods.Select(p => $"{{ipBlock: {{cidr: {p.Address4}/32}}}}, {{ipBlock: {{cidr: \"{p.Address6}/128\"}}}}"));
}
