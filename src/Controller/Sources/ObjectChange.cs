namespace Culvert.Controller.Sources;

/// <summary>A change of one declaration. New and changed are the same to who takes it up, so that a source that has forgotten what it told need not know.</summary>
/// <param name="Key">Which declaration.</param>
/// <param name="Declaration">How it is now; null when it was removed.</param>
internal sealed record ObjectChange(DeclarationKey Key, Declaration? Declaration)
{
    /// <summary>It is declared, for the first time or in another way than before.</summary>
    public static ObjectChange Declared(Declaration declaration) => new(declaration.Key, declaration);

    /// <summary>It is there no more.</summary>
    public static ObjectChange Removed(DeclarationKey key) => new(key, null);
}
