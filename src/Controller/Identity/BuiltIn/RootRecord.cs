namespace Culvert.Controller.Identity.BuiltIn;

/// <summary>What is kept of a root besides its certificate and key.</summary>
/// <param name="Id">Names its parts.</param>
/// <param name="Activates">When it begins to sign.</param>
/// <param name="ServesUntil">No certificate below it is valid for longer; once another root signs, it leaves the bundle then.</param>
/// <param name="Retired">When it left the bundle and its key was deleted; null while it is there.</param>
/// <param name="Removed">Whether it was taken out of the bundle, or distrusted later, because its key may be another's: what it has signed proves nothing by itself.</param>
internal sealed record RootRecord(string Id, DateTimeOffset Activates, DateTimeOffset ServesUntil, DateTimeOffset? Retired = null, bool Removed = false);
