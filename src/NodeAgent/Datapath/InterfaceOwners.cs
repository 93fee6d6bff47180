using System.Collections.Immutable;
using System.Globalization;
using Culvert.Core;
using Culvert.Logging;
using Culvert.NodeAgent.State;
using Microsoft.Extensions.Logging;

namespace Culvert.NodeAgent.Datapath;

/// <summary>
/// Remembers which workload's programs are at which interface. Kept in the run folder, because the programs outlive the agent as well. The
/// reconciler's; not thread-safe.
/// </summary>
internal sealed class InterfaceOwners
{
    private readonly string _path;
    private readonly ILogger _logger;
    private bool _unsaved;

    internal InterfaceOwners(string runFolder, ILogger logger)
    {
        (_path, _logger) = (Path.Combine(runFolder, "interfaces"), logger);
        All = Load();
    }

    /// <summary>Every interface that was given a pod's programs and may still have them.</summary>
    internal ImmutableArray<InterfaceOwner> All { get; private set; }

    /// <summary>Replaces them. When they can't be written down, which is logged, only the next agent will not know; it is tried again with the next call.</summary>
    internal void Set(ImmutableArray<InterfaceOwner> owners)
    {
        if (owners.SequenceEqual(All) && !_unsaved) return;
        All = owners;
        _unsaved = true;
        try
        {
            StateFile.WriteLines(_path, owners.Select(o => string.Create(CultureInfo.InvariantCulture, $"{o.Index} {o.Interface} {o.Workload} {o.PodUid}").TrimEnd()));
            _unsaved = false;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            InterfaceOwnersLog.NotSaved(_logger, _path, e.Message);
        }
    }

    private ImmutableArray<InterfaceOwner> Load()
    {
        try
        {
            return [.. StateFile.ReadLines(_path).Select(Parse)];
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or FormatException or InvalidDataException or OverflowException)
        {
            InterfaceOwnersLog.NotLoaded(_logger, _path, e.Message);
            return [];
        }
    }

    // None of them has spaces. Earlier agents did not say which pod it is.
    private static InterfaceOwner Parse(string line) => line.Split(' ') switch
    {
        [string index, string name, string workload] => new InterfaceOwner(name, int.Parse(index, CultureInfo.InvariantCulture), workload),
        [string index, string name, string workload, string pod] => new InterfaceOwner(name, int.Parse(index, CultureInfo.InvariantCulture), workload) { PodUid = pod },
        _ => throw new FormatException($"not an interface: '{line}'"),
    };
}

/// <summary>An interface that was given a pod's programs.</summary>
/// <param name="Interface">Its name then.</param>
/// <param name="Index">Its index.</param>
/// <param name="Workload">Uid of the workload.</param>
internal sealed record InterfaceOwner(string Interface, int Index, string Workload)
{
    /// <summary>The workload's pod, as the cluster has it; null: it is none, or nobody has said.</summary>
    internal string? PodUid { get; init; }

    /// <summary>That of a workload that is captured at the host's end of its link.</summary>
    internal static InterfaceOwner Of(LocalEndpoint endpoint) => new(endpoint.Interface, endpoint.Index, endpoint.Workload.Uid) { PodUid = endpoint.Workload.PodUid };

    /// <summary>Whether it is that of a workload captured there, whichever pod it was.</summary>
    internal bool IsAt(LocalEndpoint endpoint) => (Interface, Index, Workload) == (endpoint.Interface, endpoint.Index, endpoint.Workload.Uid);

    /// <summary>Whether its pod is gone from the cluster, and may run on.</summary>
    internal bool IsOfGonePod(NodeSnapshot snapshot) => GonePods.IsGone(snapshot, Workload, PodUid);
}

internal static partial class InterfaceOwnersLog
{
    [LoggerMessage(EventId = LogEventIds.InterfaceOwnersNotSaved, Level = LogLevel.Warning, Message = "{Path} can't be written ({Reason}); after a restart a workload whose interface is not found then runs without programs")]
    internal static partial void NotSaved(ILogger logger, string path, string reason);

    [LoggerMessage(EventId = LogEventIds.NotLoaded, Level = LogLevel.Warning, Message = "{Path} can't be read ({Reason}); a workload whose interface is not found now runs without programs")]
    internal static partial void NotLoaded(ILogger logger, string path, string reason);
}
