namespace Culvert.Controller.Identity.BuiltIn;

/// <summary>Which roots can be removed. Pure; the command and the authority ask the same.</summary>
internal static class RootRemovalRule
{
    /// <summary>Why a root can't be removed, as the end of a sentence; null: it can be.</summary>
    /// <param name="records">All roots, oldest first.</param>
    /// <param name="id">The root's.</param>
    /// <param name="now">The moment.</param>
    public static string? Refusal(IReadOnlyCollection<RootRecord> records, string id, DateTimeOffset now)
    {
        if (records.FirstOrDefault(r => r.Id == id) is not { } root) return "there is no such root; `root list` shows them";
        if (root.Removed) return "it was removed before";
        if (root.Retired is not null || root != Signing(records, now)) return null;
        RootRecord? next = records.FirstOrDefault(r => r.Retired is null && r.Activates > now);
        return next is null
            ? "it is the one that signs: replace it first with `root rotate --now`, by which the new root signs at once"
            : $"it is the one that signs until {next.Activates:u}: `root rotate --now` has the new root, {next.Id}, sign at once";
    }

    /// <summary>The root that signs; null: there is none.</summary>
    public static RootRecord? Signing(IEnumerable<RootRecord> records, DateTimeOffset now)
    {
        RootRecord[] serving = [.. records.Where(r => r.Retired is null)];
        return serving.LastOrDefault(r => r.Activates <= now) ?? serving.FirstOrDefault();
    }
}
