namespace Culvert.Controller.CustomResources;

/// <summary>A field of a mapping.</summary>
/// <param name="Name">Its key.</param>
/// <param name="Schema">What may stand there.</param>
internal sealed record SchemaField(string Name, SchemaNode Schema)
{
    /// <summary>Whether an object without it is refused.</summary>
    public bool IsRequired { get; init; }

    /// <summary>Whether it is one of those of its mapping of which exactly one has to be there; a rule of the mapping says so.</summary>
    public bool IsAlternative { get; init; }

    /// <summary>What holds without the field, for people; empty where that goes without saying.</summary>
    public string Default { get; init; } = "";
}
