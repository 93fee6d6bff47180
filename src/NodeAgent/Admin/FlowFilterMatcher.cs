using System.Net;
using Culvert.NodeAgent.Telemetry;
using Wire = Culvert.Protocol.V1;

namespace Culvert.NodeAgent.Admin;

/// <summary>Decides whether a flow is asked for. Every field that is set must match.</summary>
internal static class FlowFilterMatcher
{
    internal static bool Matches(Wire.FlowFilter? filter, FlowRecord record)
    {
        if (filter is null) return true;
        return (filter.Source.Length == 0 || MatchesEnd(filter.Source, record.SourceWorkload?.Uid, record.SourceIdentity, record.Source))
            && (filter.Destination.Length == 0 || MatchesEnd(filter.Destination, record.DestinationWorkload?.Uid, record.DestinationIdentity, record.Destination) || record.Backend is { } b && MatchesEnd(filter.Destination, null, null, b))
            && (filter.Port == 0 || filter.Port == record.Destination.Port || filter.Port == record.Backend?.Port)
            && (filter.Verdict == Wire.Verdict.Unspecified || filter.Verdict == FlowMapping.VerdictOf(record))
            && (filter.Protocol == Wire.TransportProtocol.Unspecified || (int)filter.Protocol == (int)record.Protocol)
            && (filter.Path == Wire.FlowPath.Unspecified || (int)filter.Path == (int)record.Path + 1);
    }

    private static bool MatchesEnd(string wanted, string? uid, string? identity, IPEndPoint point) =>
        MatchesText(wanted, uid) || MatchesText(wanted, identity) || (IPAddress.TryParse(wanted, out IPAddress? address) && address.Equals(point.Address));

    private static bool MatchesText(string wanted, string? value) =>
        value is not null && (wanted[^1] == '*' ? value.StartsWith(wanted[..^1], StringComparison.Ordinal) : value == wanted);
}
