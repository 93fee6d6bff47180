namespace Culvert.Core;

/// <summary>Names a policy of any kind.</summary>
/// <param name="Name">Its namespace and name.</param>
/// <param name="Kind">Its kind.</param>
public readonly record struct PolicyReference(NamespacedName Name, PolicyKind Kind = PolicyKind.AuthorizationPolicy) : IComparable<PolicyReference>
{
    /// <summary>An AuthorizationPolicy.</summary>
    public static implicit operator PolicyReference(NamespacedName name) => new(name);

    /// <summary>By kind, then by name.</summary>
    public int CompareTo(PolicyReference other)
    {
        int order = Kind.CompareTo(other.Kind);
        return order != 0 ? order : Name.CompareTo(other.Name);
    }

    /// <summary><c>namespace/name</c>, behind the kind where that is not AuthorizationPolicy.</summary>
    public override string ToString() => Kind == PolicyKind.AuthorizationPolicy ? Name.ToString() : $"{Kind} {Name}";
}
