using System.Net;
using Culvert.Core;
using Culvert.NodeAgent.Telemetry;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Wire = Culvert.Protocol.V1;

namespace Culvert.NodeAgent.Admin;

/// <summary>Flow records on the wire.</summary>
internal static class FlowMapping
{
    internal static Wire.Flow ToWire(FlowRecord record, NodeSnapshot snapshot)
    {
        Wire.Flow flow = new()
        {
            Time = Timestamp.FromDateTimeOffset(record.Time),
            Event = record.Kind switch
            {
                FlowEventKind.Opened => Wire.FlowEvent.Opened,
                FlowEventKind.Closed => Wire.FlowEvent.Closed,
                FlowEventKind.Denied => Wire.FlowEvent.Denied,
                FlowEventKind.RequestDenied => Wire.FlowEvent.RequestDenied,
                FlowEventKind.RequestAudited => Wire.FlowEvent.RequestAudited,
                _ => Wire.FlowEvent.Failed,
            },
            Verdict = VerdictOf(record),
            Reason = record.Reason,
            Source = Endpoint(record.Source, record.SourceWorkload, record.SourceIdentity, null),
            Destination = Endpoint(record.Backend ?? record.Destination, record.DestinationWorkload, record.DestinationIdentity, record.Service),
            Protocol = (Wire.TransportProtocol)record.Protocol,
            Path = record.Path switch
            {
                FlowPath.Direct => Wire.FlowPath.Direct,
                FlowPath.Tunnel => Wire.FlowPath.Tunnel,
                FlowPath.Proxy => Wire.FlowPath.Proxy,
                _ => Wire.FlowPath.Passthrough,
            },
            BytesSent = record.BytesSent,
            BytesReceived = record.BytesReceived,
            Duration = Duration.FromTimeSpan(record.Duration),
            AtSource = record.AtSource,
            Request = record.Request ?? "",
            TlsGroup = record.TlsGroup ?? "",
        };
        if (record.Policy is { } policy) flow.Rule = Rule(policy, record.RuleIndex, snapshot);
        flow.AuditPolicies.AddRange(record.AuditPolicies.Select(p => p.ToString()));
        return flow;
    }

    internal static Wire.Verdict VerdictOf(FlowRecord record) => record.Verdict switch
    {
        FlowVerdict.Deny => Wire.Verdict.Deny,
        FlowVerdict.Error => Wire.Verdict.Error,
        _ => Wire.Verdict.Allow,
    };

    internal static Wire.RuleReference Rule(PolicyReference policy, int index, NodeSnapshot snapshot) => new()
    {
        Policy = policy.ToString(),
        RuleIndex = index,
        SourceReference = policy.Kind switch
        {
            PolicyKind.NetworkPolicy => snapshot.NetworkPolicies.GetValueOrDefault(policy.Name)?.SourceReference,
            PolicyKind.RequestAuthentication => snapshot.RequestAuthentications.GetValueOrDefault(policy.Name)?.SourceReference,
            _ => snapshot.Policies.GetValueOrDefault(policy.Name)?.SourceReference,
        } ?? "",
    };

    internal static Wire.FlowEndpoint Endpoint(IPEndPoint? point, WorkloadInfo? workload, string? identity, NamespacedName? service)
    {
        Wire.FlowEndpoint endpoint = new() { WorkloadUid = workload?.Uid ?? "", Identity = identity ?? "", Service = service?.ToString() ?? "" };
        if (point is not null)
        {
            endpoint.Address = ByteString.CopyFrom(point.Address.GetAddressBytes());
            endpoint.Port = (uint)point.Port;
        }
        return endpoint;
    }
}
