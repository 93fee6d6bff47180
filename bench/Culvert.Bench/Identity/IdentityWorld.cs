using System.Globalization;
using Culvert.Bench.Scale;

namespace Culvert.Bench.Identity;

/// <summary>The folder that the controller of an identity run reads: the mesh's settings, of which lifetimes are the default, and the workloads of each node in a file of their own.</summary>
internal static class IdentityWorld
{
    /// <summary>Writes it.</summary>
    /// <param name="folder">The folder; made where it is not there.</param>
    /// <param name="shape">How large it is.</param>
    public static void Write(string folder, IdentityShape shape)
    {
        Directory.CreateDirectory(folder);
        File.WriteAllText(Path.Combine(folder, "mesh.yaml"), $"""
            apiVersion: culvert.dev/v1alpha1
            kind: MeshConfig
            metadata:
              name: default
            spec:
              trustDomain: {IdentityShape.TrustDomain}

            """);
        for (int node = 0; node < shape.Nodes; node++)
            File.WriteAllText(Path.Combine(folder, ScaleShape.Node(node) + ".yaml"), string.Concat(Enumerable.Range(0, IdentityShape.WorkloadsOfNode).Select(n => Workload(node, n))));
    }

    private static string Workload(int node, int number) => string.Create(CultureInfo.InvariantCulture, $"""
        ---
        apiVersion: culvert.dev/v1alpha1
        kind: Workload
        metadata:
          name: {IdentityShape.Workload(number)}
          namespace: {IdentityShape.Namespace(node)}
        spec:
          node: {ScaleShape.Node(node)}
          serviceAccount: {IdentityShape.Workload(number)}
          addresses: ["{IdentityShape.Address(node, number)}"]

        """);
}
