using Culvert.Logging;
using Microsoft.Extensions.Logging;

namespace Culvert.Controller.Nodes;

/// <summary>Log messages of what nodes tell.</summary>
internal static partial class NodesLog
{
    /// <summary>Says what a node tells otherwise than before.</summary>
    /// <param name="logger">Where.</param>
    /// <param name="node">The node.</param>
    /// <param name="before">Uids of the workloads that it could not capture.</param>
    /// <param name="now">By uid, why it can't capture one now.</param>
    public static void Tell(ILogger logger, string node, IReadOnlyCollection<string> before, IReadOnlyDictionary<string, string> now)
    {
        string[] added = [.. now.Keys.Except(before, StringComparer.Ordinal).Order(StringComparer.Ordinal)], back = [.. before.Except(now.Keys, StringComparer.Ordinal).Order(StringComparer.Ordinal)];
        if (added.Length > 0) Refused(logger, node, added.Length, added[0], now[added[0]]);
        if (back.Length > 0) NoLongerRefused(logger, node, back.Length, back[0]);
    }

    [LoggerMessage(LogEventIds.WorkloadsRefused, LogLevel.Warning, "Node {Node} can't capture {Count} workloads, which leave the mesh until it can. The first of them is {Workload}: {Reason}.")]
    private static partial void Refused(ILogger logger, string node, int count, string workload, string reason);

    [LoggerMessage(LogEventIds.WorkloadsNoLongerRefused, LogLevel.Information, "Node {Node} can capture {Count} workloads again, which come back into the mesh. The first of them is {Workload}.")]
    private static partial void NoLongerRefused(ILogger logger, string node, int count, string workload);

    [LoggerMessage(LogEventIds.RefusalsCorrupt, LogLevel.Warning, "{Path} can't be used: workloads that their nodes can't capture are taken for members of the mesh until these tell again: {Reason}.")]
    public static partial void RefusalsCorrupt(ILogger logger, string path, string reason);

    [LoggerMessage(LogEventIds.RefusalsNotKept, LogLevel.Warning, "{Path} can't be written: after a start of the controller workloads that their nodes can't capture are members of the mesh until these tell again: {Reason}.")]
    public static partial void RefusalsNotKept(ILogger logger, string path, string reason);
}
