namespace Culvert.Controller.Identity.BuiltIn;

/// <summary>Where roots and their keys are kept: by one authority, or by several that share them. Used by one caller at a time.</summary>
internal interface IRootStore
{
    /// <summary>Raised when another authority may have written, on any thread.</summary>
    event Action? Changed;

    /// <summary>Reads all roots; none where nothing is kept yet. They are the caller's.</summary>
    /// <exception cref="IOException">They can't be read, or are open to others.</exception>
    /// <exception cref="InvalidDataException">What is kept is damaged; the message says what and what to do.</exception>
    Task<RootSet> LoadAsync(CancellationToken cancellationToken);

    /// <summary>Keeps a set in place of another one, and deletes the keys of roots that are not of the bundle any more. When it fails, it may have been kept or not.</summary>
    /// <param name="before">As it was read or written last.</param>
    /// <param name="after">As it is to be.</param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <returns>The version of what is kept now; null: another authority has written since, and nothing was kept.</returns>
    /// <exception cref="IOException">It can't be written.</exception>
    Task<string?> SaveAsync(RootSet before, RootSet after, CancellationToken cancellationToken);
}
