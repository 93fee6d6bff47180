namespace Culvert.Controller.Schema;

/// <summary>What is wrong with the object that a field names, for APIs that have a word of their own for it.</summary>
public enum ReferenceFault
{
    /// <summary>Nothing, or it is no matter of references.</summary>
    None,

    /// <summary>It is not there, or lacks the port.</summary>
    NotFound,

    /// <summary>Another object counts for all that the field names.</summary>
    Conflicted,
}
