using System.Diagnostics.CodeAnalysis;

namespace Culvert.Core;

/// <summary>A name within a namespace, written <c>namespace/name</c>.</summary>
/// <param name="Namespace">The namespace.</param>
/// <param name="Name">The name within it.</param>
public readonly record struct NamespacedName(string Namespace, string Name) : IComparable<NamespacedName>
{
    /// <summary>Parses <c>namespace/name</c>.</summary>
    /// <exception cref="FormatException">The text is not two non-empty parts with a slash between.</exception>
    public static NamespacedName Parse(string text) =>
        TryParse(text, out NamespacedName name) ? name : throw new FormatException($"'{text}' is not of the form namespace/name");

    /// <summary>Parses <c>namespace/name</c>; false when it is not of that form.</summary>
    public static bool TryParse([NotNullWhen(true)] string? text, out NamespacedName name)
    {
        name = default;
        if (text?.Split('/') is not [{ Length: > 0 } ns, { Length: > 0 } local]) return false;
        name = new(ns, local);
        return true;
    }

    /// <summary>Ordinal order by namespace, then by name.</summary>
    public int CompareTo(NamespacedName other)
    {
        int order = string.CompareOrdinal(Namespace, other.Namespace);
        return order != 0 ? order : string.CompareOrdinal(Name, other.Name);
    }

    /// <inheritdoc/>
    public override string ToString() => $"{Namespace}/{Name}";
}
