using System.Globalization;
using Culvert.Logging;
using Culvert.NodeAgent.State;
using Microsoft.Extensions.Logging;

namespace Culvert.NodeAgent.Datapath.Delivery;

/// <summary>
/// Remembers over restarts of the agent at which pods' links what is captured was lost, for a start at which it can't be tried, as when the kernel's table of connections is full: otherwise those pods would be captured and
/// cut off. Kept in the run folder, since a link has its index for as long as the node runs. Not thread-safe.
/// </summary>
internal sealed class LostDeliveries
{
    private readonly string _path;
    private readonly ILogger _logger;
    private readonly Dictionary<string, DeliveryFinding> _before;
    private string[] _saved;

    internal LostDeliveries(string runFolder, ILogger logger)
    {
        (_path, _logger) = (Path.Combine(runFolder, "undelivered"), logger);
        _before = Load();
        _saved = LinesOf(_before);
    }

    /// <summary>What an agent before has found at a pod's link, once: what is found out later counts for more. Nothing is known where it found nothing lost, or the pod has other addresses now.</summary>
    internal DeliveryFinding Take(LocalEndpoint pod) => _before.Remove(KeyOf(pod), out DeliveryFinding finding) ? finding : default;

    /// <summary>Writes down what is known now, when that has changed. Where that fails, which is logged, only the next agent will not know; it is tried again with the next call.</summary>
    /// <param name="known">All that is known, of pods that lose something and of others.</param>
    internal void Set(IEnumerable<(LocalEndpoint Pod, DeliveryFinding Finding)> known)
    {
        string[] lines = LinesOf(known.Where(k => k.Finding.Lost is not null).Select(k => KeyValuePair.Create(KeyOf(k.Pod), k.Finding)));
        if (lines.AsSpan().SequenceEqual(_saved)) return;
        try
        {
            StateFile.WriteLines(_path, lines);
            _saved = lines;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            LostDeliveriesLog.NotSaved(_logger, _path, e.Message);
        }
    }

    private Dictionary<string, DeliveryFinding> Load()
    {
        try
        {
            return StateFile.ReadLines(_path).Select(Parse).ToDictionary(StringComparer.Ordinal);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or FormatException or InvalidDataException or ArgumentException)
        {
            LostDeliveriesLog.NotLoaded(_logger, _path, e.Message);
            return [];
        }
    }

    private static string[] LinesOf(IEnumerable<KeyValuePair<string, DeliveryFinding>> lost) =>
        [.. lost.Select(l => $"{Mark(l.Value.IPv4)}{Mark(l.Value.IPv6)} {l.Key}").Order(StringComparer.Ordinal)];

    private static KeyValuePair<string, DeliveryFinding> Parse(string line) =>
        line.Split(' ', 2) is [[var ipv4, var ipv6], { Length: > 0 } key] ? KeyValuePair.Create(key, new DeliveryFinding(ResultOf(ipv4), ResultOf(ipv6))) : throw new FormatException($"not a finding: '{line}'");

    private static char Mark(DeliveryResult result) => result switch
    {
        DeliveryResult.Lost => 'l',
        DeliveryResult.Delivered => 'd',
        _ => '-',
    };

    private static DeliveryResult ResultOf(char mark) => mark switch
    {
        'l' => DeliveryResult.Lost,
        'd' => DeliveryResult.Delivered,
        '-' => DeliveryResult.Unknown,
        _ => throw new FormatException($"not a result: '{mark}'"),
    };

    private static string KeyOf(LocalEndpoint pod) => string.Create(CultureInfo.InvariantCulture, $"{pod.Index} {string.Join(',', pod.Workload.Addresses)} {pod.Workload.Uid}");
}

internal static partial class LostDeliveriesLog
{
    [LoggerMessage(EventId = LogEventIds.LostDeliveriesNotSaved, Level = LogLevel.Warning, Message = "{Path} can't be written ({Reason}); after a restart, pods whose captured packets are lost are captured nevertheless while that can't be tried")]
    internal static partial void NotSaved(ILogger logger, string path, string reason);

    [LoggerMessage(EventId = LogEventIds.LostDeliveriesNotLoaded, Level = LogLevel.Warning, Message = "{Path} can't be read ({Reason}); pods whose captured packets are lost are captured nevertheless while that can't be tried")]
    internal static partial void NotLoaded(ILogger logger, string path, string reason);
}
