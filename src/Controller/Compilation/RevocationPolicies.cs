using Culvert.Controller.Store;
using Culvert.Core;

namespace Culvert.Controller.Compilation;

/// <summary>Makes DENY policies of revoked identities, so that they are refused also where no certificate is shown: between workloads of one node. Pure.</summary>
internal static class RevocationPolicies
{
    // No object's name has a colon: no AuthorizationPolicy can take its place.
    private static readonly NamespacedName Sources = new(ExemptNamespaces.Own, "meshconfig:revoked"), Destinations = new(ExemptNamespaces.Own, "meshconfig:revoked-destination");

    /// <summary>Every policy of this kind there may be, by name; null where it is not.</summary>
    /// <param name="mesh">The MeshConfig.</param>
    public static IEnumerable<(NamespacedName Name, PolicyInfo? Policy)> Compile(MeshConfigInForce mesh)
    {
        EquatableArray<SpiffeId> identities = mesh.Settings.Revoked.Identities;
        PolicySource revoked = new() { Identities = identities.Select(i => StringPattern.Parse(i.ToString())).ToEquatableArray() };
        yield return (Sources, identities.IsEmpty ? null : Deny(Sources, new PolicyRule { From = [revoked] }, mesh));
        yield return (Destinations, identities.IsEmpty ? null : Deny(Destinations, new PolicyRule(), mesh));
    }

    /// <summary>Those that select a workload.</summary>
    /// <param name="identity">The workload's.</param>
    /// <param name="mesh">The settings.</param>
    public static IEnumerable<NamespacedName> Of(SpiffeId identity, MeshSettings mesh)
    {
        if (mesh.Revoked.Identities.IsEmpty) return [];
        return mesh.Revoked.Contains(identity) ? [Destinations, Sources] : [Sources];
    }

    private static PolicyInfo Deny(NamespacedName name, PolicyRule rule, MeshConfigInForce mesh) => new() { Name = name, Action = PolicyAction.Deny, Rules = [rule], SourceReference = mesh.Line == 0 ? "" : $"{mesh.Place}:{mesh.Line}" };
}
