namespace Culvert.Controller.Identity.Spire.Entries;

/// <summary>Where it is known what entries there should be. Safe for any number of threads.</summary>
internal interface IEntrySource
{
    /// <summary>Raised after <see cref="Read"/> says something else, on any thread; not for long.</summary>
    event Action? Changed;

    /// <summary>The world now; null: it was not read yet, and nobody knows what there should be.</summary>
    EntryWorld? Read();
}
