using Culvert.Core;

namespace Culvert.Controller.CustomResources;

/// <summary>One kind of the group <see cref="CustomResourceTable.Group"/>, as API servers are told of it. Immutable.</summary>
/// <param name="Kind">The kind.</param>
/// <param name="Plural">Its name in paths.</param>
internal sealed record CustomResource(string Kind, string Plural)
{
    /// <summary>Names that kubectl takes besides.</summary>
    public EquatableArray<string> ShortNames { get; init; }

    /// <summary>Whether its objects are in no namespace.</summary>
    public bool IsClusterScoped { get; init; }

    /// <summary>The only name that an object may have; null: any.</summary>
    public string? OnlyName { get; init; }

    /// <summary>What the kind is for.</summary>
    public required string Description { get; init; }

    /// <summary>The schema of <c>spec</c>, which is always required.</summary>
    public required SchemaNode Spec { get; init; }

    /// <summary>Columns between the name and those that all kinds have.</summary>
    public EquatableArray<PrinterColumn> Columns { get; init; }

    /// <summary>A good object, for the reference.</summary>
    public required string Example { get; init; }

    /// <summary>The name in the singular.</summary>
    public string Singular => Kind.ToLowerInvariant();

    /// <summary>The name of its definition.</summary>
    public string DefinitionName => $"{Plural}.{CustomResourceTable.Group}";
}
