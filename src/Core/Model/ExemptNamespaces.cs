namespace Culvert.Core;

/// <summary>
/// Namespaces whose pods are never in the mesh: its own, and that of the cluster's own parts, such as DNS and volumes. A mesh can't start before these do, so their pods must not wait for it.
/// </summary>
public static class ExemptNamespaces
{
    /// <summary>Where the mesh is installed.</summary>
    public const string Own = "culvert-system";

    private const string Cluster = "kube-system";

    /// <summary>Whether pods of a namespace are never in the mesh.</summary>
    /// <param name="name">Its name.</param>
    public static bool Contains(string name) => name is Own or Cluster;
}
