namespace Culvert.Controller.Documents;

/// <summary>What both readers hold to, and what they say of a document that does not.</summary>
internal static class DocumentRules
{
    /// <summary>Deepest nesting accepted.</summary>
    public const int MaxDepth = 32;

    /// <summary>Said of a document that is nested deeper.</summary>
    public static readonly string TooDeep = $"nested deeper than {MaxDepth} levels";

    /// <summary>Said of a key with nothing under it.</summary>
    public const string NoValue = "has no value; give it one or leave the field out";

    /// <summary>Said of a key that is there a second time.</summary>
    public static string Twice(string key) => $"the key '{key}' is there twice";
}
