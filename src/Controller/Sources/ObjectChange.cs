namespace Culvert.Controller.Sources;

/// <summary>A change of one declaration.</summary>
/// <param name="Kind">What has happened. Added and changed mean the same to who takes it up, so that a source that has forgotten what it told need not know.</param>
/// <param name="Key">Which declaration.</param>
/// <param name="Declaration">How it is now; null when it was removed.</param>
internal sealed record ObjectChange(ObjectChangeKind Kind, DeclarationKey Key, Declaration? Declaration)
{
    public static ObjectChange Added(Declaration declaration) => new(ObjectChangeKind.Added, declaration.Key, declaration);

    public static ObjectChange Changed(Declaration declaration) => new(ObjectChangeKind.Changed, declaration.Key, declaration);

    public static ObjectChange Removed(DeclarationKey key) => new(ObjectChangeKind.Removed, key, null);
}
