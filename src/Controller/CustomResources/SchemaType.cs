namespace Culvert.Controller.CustomResources;

/// <summary>What a value of a custom resource is.</summary>
internal enum SchemaType
{
    /// <summary>A mapping whose fields are known.</summary>
    Object,

    /// <summary>A mapping of any names to values of one schema.</summary>
    Map,

    /// <summary>A list of values of one schema.</summary>
    List,

    /// <summary>A string.</summary>
    Text,

    /// <summary>A whole number of 64 bits.</summary>
    Integer,

    /// <summary>A number.</summary>
    Number,

    /// <summary>True or false.</summary>
    Boolean,

    /// <summary>A whole number or a string, as ports with a protocol are.</summary>
    IntegerOrText,
}
