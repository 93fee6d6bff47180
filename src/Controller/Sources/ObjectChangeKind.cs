namespace Culvert.Controller.Sources;

/// <summary>What has happened to a declaration.</summary>
internal enum ObjectChangeKind
{
    Added,
    Changed,
    Removed,
}
