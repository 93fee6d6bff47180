namespace Culvert.Controller.Identity.Federation;

/// <summary>Counts the changes of the mesh's roots, for other trust domains. Safe for any number of threads.</summary>
internal interface IBundleSequence
{
    /// <summary>Raised when a number may be known that was not, on any thread.</summary>
    event Action? Known;

    /// <summary>The number of a set of roots; null: it has none yet, or not any more.</summary>
    /// <param name="digest">The set's digest.</param>
    /// <param name="isNew">Whether the mesh's roots have come to be this set here just now. It is to have a number then, higher than all before.</param>
    ulong? Find(string digest, bool isNew);
}
