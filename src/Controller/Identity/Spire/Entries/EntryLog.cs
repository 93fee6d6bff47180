using Culvert.Logging;
using Microsoft.Extensions.Logging;

namespace Culvert.Controller.Identity.Spire.Entries;

/// <summary>Log messages about entries at a SPIRE server.</summary>
internal static partial class EntryLog
{
    [LoggerMessage(LogEventIds.SpireEntriesChanged, LogLevel.Information, "SPIRE entries: {Created} created, {Updated} updated, {Deleted} deleted. {Wanted} are wanted, {Others} of them are others'; the server has {Own} of this mesh.")]
    public static partial void Changed(ILogger logger, int created, int updated, int deleted, int wanted, int others, int own);

    [LoggerMessage(LogEventIds.SpireEntriesNotKept, LogLevel.Error, "SPIRE entries can't be kept, which is tried again in {Seconds} s; those that are there stay ({Kind}): {Reason}")]
    public static partial void NotKept(ILogger logger, double seconds, EntryTroubleKind kind, string reason);

    [LoggerMessage(LogEventIds.SpireEntriesKeptAgain, LogLevel.Information, "SPIRE entries are kept again.")]
    public static partial void KeptAgain(ILogger logger);

    [LoggerMessage(LogEventIds.SpireEntriesRefused, LogLevel.Error, "SPIRE entries are not as they should be: {Count} of them ({Kind}), for example: {Example}. Remedy: {Remedy}. It is tried again, and those that are there stay.")]
    public static partial void Refused(ILogger logger, int count, EntryTroubleKind kind, string example, string remedy);

    [LoggerMessage(LogEventIds.SpireEntriesMended, LogLevel.Information, "SPIRE entries are as they should be ({Kind}).")]
    public static partial void Mended(ILogger logger, EntryTroubleKind kind);

    [LoggerMessage(LogEventIds.SpireEntriesOfOthers, LogLevel.Information, "{Count} SPIRE entries that are wanted are there already as somebody else's, who is left to keep them, for example {Example} by the ID {Id}.")]
    public static partial void OfOthers(ILogger logger, int count, string example, string id);

    [LoggerMessage(LogEventIds.SpireEntriesNotDeleted, LogLevel.Warning, "{Count} of {Own} SPIRE entries of this mesh are not wanted any more. As that are many at once, they are deleted {Seconds} s after that was seen, if it stays so.")]
    public static partial void NotDeletedYet(ILogger logger, int count, int own, double seconds);

    [LoggerMessage(LogEventIds.SpireBundleMissing, LogLevel.Error, "The SPIRE server has no bundle of {TrustDomains}: entries are made without, and it is asked again every {Seconds} s. Have it get the bundle (spire-server federation create, or bundle set), or take the trust domain out of --spire-entry-federates-with.")]
    public static partial void BundleMissing(ILogger logger, string trustDomains, double seconds);

    [LoggerMessage(LogEventIds.SpireEntriesFault, LogLevel.Error, "A fault in keeping SPIRE entries; it is tried again, and those that are there stay.")]
    public static partial void Fault(ILogger logger, Exception error);
}
