using Culvert.Controller.Schema;
using Culvert.Logging;
using Microsoft.Extensions.Logging;

namespace Culvert.Controller.Store;

/// <summary>Log messages of objects, with those of sources.</summary>
internal static partial class StoreLog
{
    [LoggerMessage(LogEventIds.BadObject, LogLevel.Warning, "Not in force: {Error}")]
    public static partial void BadObject(ILogger logger, SourceError error);

    [LoggerMessage(LogEventIds.BadVersion, LogLevel.Warning, "Not in force, the last good version stays: {Error}")]
    public static partial void BadVersion(ILogger logger, SourceError error);

    [LoggerMessage(LogEventIds.BadPart, LogLevel.Warning, "In force as far as it could be read, what could not allows nothing: {Error}")]
    public static partial void BadPart(ILogger logger, SourceError error);

    [LoggerMessage(LogEventIds.Mended, LogLevel.Information, "Mended: {Error}")]
    public static partial void Mended(ILogger logger, SourceError error);

    [LoggerMessage(LogEventIds.NoLongerDoubtful, LogLevel.Information, "No longer so: {Warning}")]
    public static partial void NoLongerDoubtful(ILogger logger, SourceError warning);

    [LoggerMessage(LogEventIds.NodesUnknown, LogLevel.Warning, "Which nodes have joined can't be read, so that nothing new is said of workloads of unknown nodes: {Reason}")]
    public static partial void NodesUnknown(ILogger logger, string reason);

    [LoggerMessage(LogEventIds.StoreUpkeepFailed, LogLevel.Error, "What the nodes that have joined change about the warnings could not be published. This is a bug, please report it.")]
    public static partial void UpkeepFailed(ILogger logger, Exception error);

    [LoggerMessage(LogEventIds.DoubtfulObject, LogLevel.Warning, "In force, but is it meant so? {Warning}")]
    public static partial void DoubtfulObject(ILogger logger, SourceError warning);

    [LoggerMessage(LogEventIds.LastGoodRefused, LogLevel.Warning, "The last good version of the object at {File}:{Line}, kept in {Path}, is not valid any more and is not used.")]
    public static partial void LastGoodRefused(ILogger logger, string file, int line, string path);

    [LoggerMessage(LogEventIds.LastGoodCorrupt, LogLevel.Warning, "{Path} is damaged and was moved to {Aside}: {Reason}. Objects that are wrong now have no last good version; without a good MeshConfig the mesh is closed.")]
    public static partial void LastGoodCorrupt(ILogger logger, string path, string aside, string reason);

    [LoggerMessage(LogEventIds.LastGoodNotKept, LogLevel.Warning, "The last good versions of the objects can't be kept in {Path}: {Reason}. After a restart, objects that are wrong would have an older one or none.")]
    public static partial void LastGoodNotKept(ILogger logger, string path, string reason);

    [LoggerMessage(LogEventIds.NoMeshConfig, LogLevel.Warning, "There is no MeshConfig in {Folder}, and there never was: the defaults hold (defaultAction ALLOW, mTLS PERMISSIVE, trust domain {TrustDomain}). A MeshConfig named 'default' says otherwise; one with 'spec: {{}}' says that this is meant.")]
    public static partial void NoMeshConfig(ILogger logger, string folder, string trustDomain);
}
