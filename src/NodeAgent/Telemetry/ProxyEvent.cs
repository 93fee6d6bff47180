using Culvert.NodeAgent.Proxy.Model;

namespace Culvert.NodeAgent.Telemetry;

/// <summary>What a loop tells about a connection, as a value, so that telling costs the loop no allocation.</summary>
internal readonly record struct ProxyEvent(FlowEventKind Kind, DateTimeOffset Time, ProxyConnectionInfo Connection, ProxyConnectionEnd End, ProxyFailure Failure, string? Detail);
