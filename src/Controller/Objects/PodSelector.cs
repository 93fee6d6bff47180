using System.Collections.Immutable;
using System.Security.Cryptography;
using System.Text;

namespace Culvert.Controller.Objects;

/// <summary>Pods by the labels of their namespaces and their own.</summary>
/// <param name="Namespace">The namespace of the pods; null where <paramref name="Namespaces"/> says which.</param>
/// <param name="Namespaces">By which labels namespaces are meant; null where <paramref name="Namespace"/> says it.</param>
/// <param name="Pods">By which labels pods are meant there.</param>
internal sealed record PodSelector(string? Namespace, LabelSelector? Namespaces, LabelSelector Pods)
{
    // 128 bits: whoever may write policies must not find two selectors of one name.
    private const int NameBytes = 16;

    /// <summary>Its name among the peer groups: the same for the same conditions, in every run of every controller.</summary>
    public string GroupName { get; } =
        Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes($"{Namespace ?? "*"}\n{Namespaces}\n{Pods}")).AsSpan(0, NameBytes));

    /// <summary>Whether a pod is meant.</summary>
    /// <param name="ns">Its namespace.</param>
    /// <param name="namespaceLabels">The labels of that.</param>
    /// <param name="labels">Its own labels.</param>
    public bool Matches(string ns, ImmutableSortedDictionary<string, string> namespaceLabels, ImmutableSortedDictionary<string, string> labels) =>
        (Namespaces is null ? ns == Namespace : Namespaces.Matches(namespaceLabels)) && Pods.Matches(labels);

    public bool Equals(PodSelector? other) => other is not null && Namespace == other.Namespace && Namespaces == other.Namespaces && Pods == other.Pods;

    public override int GetHashCode() => GroupName.GetHashCode(StringComparison.Ordinal);
}
