namespace Culvert.Core;

/// <summary>A connection whose path is asked for. Where a Service is addressed, a backend has been chosen.</summary>
/// <param name="Source">The workload it begins at; null when that is none of the mesh.</param>
/// <param name="Target">The address it goes to, that of the backend where there is one.</param>
/// <param name="Port">The port there.</param>
/// <param name="Protocol">TCP, or UDP for a session of datagrams.</param>
public readonly record struct PathRequest(WorkloadInfo? Source, IpPrefix Target, ushort Port, TransportProtocol Protocol)
{
    /// <summary>The port it comes from; 0 where that is not known, and any.</summary>
    public ushort SourcePort { get; init; }

    /// <summary>The Service port that was addressed, if any.</summary>
    public ServicePort? Service { get; init; }
}
