namespace Culvert.Controller.Identity.Spire.Entries;

/// <summary>How entries are after a pass. Immutable.</summary>
/// <param name="Wanted">How many there should be.</param>
/// <param name="Own">How many of this mesh the server has.</param>
/// <param name="Others">How many of those wanted are somebody else's.</param>
/// <param name="Failing">How many are not as they should be.</param>
/// <param name="IsDone">Whether the pass came to its end.</param>
internal sealed record EntryStatus(int Wanted, int Own, int Others, int Failing, bool IsDone);
