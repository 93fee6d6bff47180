namespace Culvert.Kubernetes.Client;

/// <summary>What becomes of the objects that an object owns, when it is deleted.</summary>
public enum Propagation
{
    /// <summary>They are deleted afterwards.</summary>
    Background,

    /// <summary>They are deleted first.</summary>
    Foreground,

    /// <summary>They stay.</summary>
    Orphan,
}
