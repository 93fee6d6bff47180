using System.Net;
using Culvert.Core;

namespace Culvert.NodeAgent.Telemetry;

/// <summary>One thing that happened to one connection, from the kernel or from the proxy. Immutable.</summary>
public sealed record FlowRecord
{
    /// <summary>When it happened, UTC.</summary>
    public required DateTimeOffset Time { get; init; }

    /// <summary>What happened.</summary>
    public required FlowEventKind Kind { get; init; }

    /// <summary>Which path the connection took.</summary>
    public required FlowPath Path { get; init; }

    /// <summary>TCP or UDP.</summary>
    public TransportProtocol Protocol { get; init; } = TransportProtocol.Tcp;

    /// <summary>Originator's address and port.</summary>
    public required IPEndPoint Source { get; init; }

    /// <summary>Destination as the originator addressed it.</summary>
    public required IPEndPoint Destination { get; init; }

    /// <summary>Backend behind a Service address, or null.</summary>
    public IPEndPoint? Backend { get; init; }

    /// <summary>Workload the source address belongs to, or null.</summary>
    public WorkloadInfo? SourceWorkload { get; init; }

    /// <summary>Workload that is addressed, or null.</summary>
    public WorkloadInfo? DestinationWorkload { get; init; }

    /// <summary>Identity that counted for policy: from the veth or from the certificate. Null: none.</summary>
    public string? SourceIdentity { get; init; }

    /// <summary>Identity of the destination.</summary>
    public string? DestinationIdentity { get; init; }

    /// <summary>Reason of a refusal, drop or failure in kebab case; empty otherwise.</summary>
    public string Reason { get; init; } = "";

    /// <summary>Whether what went wrong is that the mesh would not carry the connection (any longer), and not that it could not.</summary>
    public bool IsRefusal { get; init; }

    /// <summary>Whether the mesh carried the connection, or the request.</summary>
    public FlowVerdict Verdict => Kind switch
    {
        FlowEventKind.Denied or FlowEventKind.Dropped or FlowEventKind.RequestDenied => FlowVerdict.Deny,
        _ when IsRefusal => FlowVerdict.Deny,
        FlowEventKind.Failed => FlowVerdict.Error,
        _ => FlowVerdict.Allow,
    };

    /// <summary>Policy that decided; null: none did.</summary>
    public PolicyReference? Policy { get; init; }

    /// <summary>Index of the deciding rule within <see cref="Policy"/>; -1: none.</summary>
    public int RuleIndex { get; init; } = -1;

    /// <summary>Bytes from the originator, when the connection is over.</summary>
    public ulong BytesSent { get; init; }

    /// <summary>Bytes to the originator, when the connection is over.</summary>
    public ulong BytesReceived { get; init; }

    /// <summary>How long it lasted, when it is over.</summary>
    public TimeSpan Duration { get; init; }

    /// <summary>AUDIT policies that matched.</summary>
    public EquatableArray<PolicyReference> AuditPolicies { get; init; }

    /// <summary>Service the originator addressed, or null.</summary>
    public NamespacedName? Service { get; init; }

    /// <summary>Method, host and path of the request that it is about; null: it is about a connection.</summary>
    public string? Request { get; init; }

    /// <summary>Key exchange group of the tunnel that carries it, as TLS names it; null: no tunnel.</summary>
    public string? TlsGroup { get; init; }

    /// <summary>Seen on the originator's node; false: on the destination's.</summary>
    public bool AtSource { get; init; }
}

/// <summary>What a <see cref="FlowRecord"/> tells.</summary>
public enum FlowEventKind
{
    /// <summary>A connection was allowed and opened.</summary>
    Opened,

    /// <summary>A connection ended.</summary>
    Closed,

    /// <summary>A connection was refused by policy.</summary>
    Denied,

    /// <summary>A connection could not be made for a technical reason.</summary>
    Failed,

    /// <summary>A packet was dropped.</summary>
    Dropped,

    /// <summary>A request of HTTP was refused by policy; its connection goes on, or is told of by itself.</summary>
    RequestDenied,

    /// <summary>A request of HTTP has met AUDIT policies, and was passed on.</summary>
    RequestAudited,
}

/// <summary>Which path a connection takes.</summary>
public enum FlowPath
{
    /// <summary>In the kernel, pod to pod on one node.</summary>
    Direct,

    /// <summary>Through the proxy and a mutual TLS tunnel.</summary>
    Tunnel,

    /// <summary>In plaintext, forwarded by the kernel or by the proxy.</summary>
    Passthrough,

    /// <summary>Through the proxy of the node that both ends are on: the kernel says who the source is, nothing leaves the node.</summary>
    Proxy,
}

/// <summary>Whether the mesh carried a connection.</summary>
public enum FlowVerdict
{
    /// <summary>It did.</summary>
    Allow,

    /// <summary>It would not: by policy, or because there was no share, no room, or nowhere to go.</summary>
    Deny,

    /// <summary>It would have, and something went wrong.</summary>
    Error,
}
