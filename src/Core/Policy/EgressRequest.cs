using System.Net;

namespace Culvert.Core;

/// <summary>A connection about to leave a workload, after a backend has been chosen, as egress policy sees it.</summary>
public readonly record struct EgressRequest
{
    /// <summary>The workload that connects.</summary>
    public required WorkloadInfo Source { get; init; }

    /// <summary>The address connected to, that of the backend where a Service was addressed.</summary>
    public required IPAddress DestinationAddress { get; init; }

    /// <summary>The workload that has that address, enrolled or not; null when none has it.</summary>
    public required WorkloadInfo? DestinationWorkload { get; init; }

    /// <summary>The destination port there.</summary>
    public required ushort Port { get; init; }

    /// <summary>The transport protocol.</summary>
    public required TransportProtocol Protocol { get; init; }
}
