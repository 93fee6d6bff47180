using Culvert.Core;

namespace Culvert.Controller.CustomResources;

/// <summary>
/// What may stand at one place of a custom resource. The definitions in <c>deploy/crds</c> and the reference in <c>docs</c> are generated from it, and the folder source refuses by it what an API
/// server would refuse. Immutable.
/// </summary>
internal sealed record SchemaNode(SchemaType Type)
{
    /// <summary>What it means, for people: <c>kubectl explain</c> and the reference show it.</summary>
    public string Description { get; init; } = "";

    /// <summary>The fields of an <see cref="SchemaType.Object"/>, in the order of the reference.</summary>
    public EquatableArray<SchemaField> Fields { get; init; }

    /// <summary>What stands in a list or a map.</summary>
    public SchemaNode? Items { get; init; }

    /// <summary>Which elements of a list are the same.</summary>
    public SchemaListType ListType { get; init; }

    /// <summary>The fields that make elements of a <see cref="SchemaListType.Map"/> the same.</summary>
    public EquatableArray<string> ListKeys { get; init; }

    /// <summary>Fewest elements of a list, fields of a mapping.</summary>
    public int? Least { get; init; }

    /// <summary>Most elements of a list, fields of a map, characters of a text.</summary>
    public int? Most { get; init; }

    /// <summary>Smallest number.</summary>
    public double? Minimum { get; init; }

    /// <summary>Largest number.</summary>
    public double? Maximum { get; init; }

    /// <summary>The only texts allowed; empty: any.</summary>
    public EquatableArray<string> OneOf { get; init; }

    /// <summary>A regular expression that a text matches as a whole, from <c>^</c> to <c>$</c>, in what RE2 and .NET both understand.</summary>
    public string? Pattern { get; init; }

    /// <summary>A format that API servers check besides, such as <c>date-time</c>.</summary>
    public string? Format { get; init; }

    /// <summary>Conditions over several fields.</summary>
    public EquatableArray<SchemaRule> Rules { get; init; }
}
