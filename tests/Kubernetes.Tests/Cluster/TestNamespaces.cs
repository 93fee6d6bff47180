using Culvert.Kubernetes.Client;
using Culvert.Kubernetes.Resources;
using k8s.Models;

namespace Culvert.Kubernetes.Tests.Cluster;

/// <summary>Objects that tests need.</summary>
internal static class TestNamespaces
{
    internal static async Task<string> MakeAsync(IKubernetesClient client)
    {
        var wanted = new V1Namespace { Metadata = new() { GenerateName = "test-" } };
        return (await client.Resource(KnownResources.Namespaces).CreateAsync(wanted, null, TestContext.Current.CancellationToken)).Metadata.Name!;
    }

    internal static V1ConfigMap ConfigMap(string inNamespace, string name, string value = "", params (string Name, string Value)[] labels) => new()
    {
        Metadata = new() { NamespaceProperty = inNamespace, Name = name, Labels = labels.ToDictionary(l => l.Name, l => l.Value) },
        Data = new Dictionary<string, string> { ["value"] = value },
    };
}
