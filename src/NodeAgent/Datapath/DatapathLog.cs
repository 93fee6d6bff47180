using Culvert.Logging;
using Microsoft.Extensions.Logging;

namespace Culvert.NodeAgent.Datapath;

internal static partial class DatapathLog
{
    [LoggerMessage(EventId = LogEventIds.MapsNotAdopted, Level = LogLevel.Warning, Message = "the maps pinned under {Path} can't be adopted ({Reason}); starting with empty ones, kernel-carried flows are revalidated")]
    internal static partial void MapsNotAdopted(ILogger logger, string path, string reason);

    [LoggerMessage(EventId = LogEventIds.Attached, Level = LogLevel.Information, Message = "{Program} is attached to {Interface} by {How}")]
    internal static partial void Attached(ILogger logger, string program, string @interface, string how);

    [LoggerMessage(EventId = LogEventIds.Detached, Level = LogLevel.Information, Message = "detached from {Interface}")]
    internal static partial void Detached(ILogger logger, string @interface);

    [LoggerMessage(EventId = LogEventIds.NotCaptured, Level = LogLevel.Warning, Message = "workload {Workload} is not captured: {Reason}")]
    internal static partial void NotCaptured(ILogger logger, string workload, string reason);

    [LoggerMessage(EventId = LogEventIds.PodGone, Level = LogLevel.Information, Message = "the pod {Workload} has ended or is gone from the cluster, and its interface {Interface} is there: it refuses every packet until the runtime takes it away")]
    internal static partial void PodGone(ILogger logger, string workload, string @interface);

    [LoggerMessage(EventId = LogEventIds.PolicyClosed, Level = LogLevel.Error, Message = "the policies of this node need more than the {Most} entries that there is room for: those of the namespaces that need most were replaced, and the kernel refuses what it decides about for {Workloads}; see their NetworkPolicies and AuthorizationPolicies")]
    internal static partial void PolicyClosed(ILogger logger, int most, string workloads);

    [LoggerMessage(EventId = LogEventIds.PolicyNotClosed, Level = LogLevel.Information, Message = "there is room again for all policies of this node")]
    internal static partial void PolicyNotClosed(ILogger logger);

    [LoggerMessage(EventId = LogEventIds.SharesCoarse, Level = LogLevel.Warning, Message = "the weights of the Services' backends need more than the {Most} slots that there is room for: those of the namespaces that need most have {Slots} for a port at most, so that shares are rounded and some backends of large ports may have none: {Namespaces}")]
    internal static partial void SharesCoarse(ILogger logger, int most, int slots, string namespaces);

    [LoggerMessage(EventId = LogEventIds.SharesNotCoarse, Level = LogLevel.Information, Message = "there is room again for the weights of all Services' backends")]
    internal static partial void SharesNotCoarse(ILogger logger);

    [LoggerMessage(EventId = LogEventIds.Generation, Level = LogLevel.Information, Message = "generation {Generation} is in force: {Addresses} addresses, {Policies} policy entries, {Services} service ports, {Endpoints} endpoints, in {Milliseconds} ms")]
    internal static partial void Generation(ILogger logger, uint generation, int addresses, int policies, int services, int endpoints, long milliseconds);

    [LoggerMessage(EventId = LogEventIds.NoXdp, Level = LogLevel.Warning, Message = "no XDP at {Interface} ({Reason}); the programs at TC do its work")]
    internal static partial void NoXdp(ILogger logger, string @interface, string reason);

    [LoggerMessage(EventId = LogEventIds.OtherVersion, Level = LogLevel.Information, Message = "took over {Links} links of an agent with another version of the datapath ({Folder}); kernel-carried flows are revalidated")]
    internal static partial void OtherVersion(ILogger logger, string folder, int links);

    [LoggerMessage(EventId = LogEventIds.Restoring, Level = LogLevel.Error, Message = "a change failed half-way, what was in force is put back: {Reason}")]
    internal static partial void Restoring(ILogger logger, string reason);

    [LoggerMessage(EventId = LogEventIds.NotRestored, Level = LogLevel.Error, Message = "what was in force could not be put back entirely, it is tried again: {Reason}")]
    internal static partial void NotRestored(ILogger logger, string reason);

    [LoggerMessage(EventId = LogEventIds.RoutingRestored, Level = LogLevel.Warning, Message = "another program had removed what brings captured packets to the proxy; put back: {What}. Have it leave alone rules and routes that it has not made (systemd-networkd: ManageForeignRoutingPolicyRules=no, ManageForeignRoutes=no)")]
    internal static partial void RoutingRestored(ILogger logger, string what);

    [LoggerMessage(EventId = LogEventIds.RoutingNotRestored, Level = LogLevel.Error, Message = "what brings captured packets to the proxy is missing and can't be put back, it is tried again with the next change or in {Seconds} s: {Reason}")]
    internal static partial void RoutingNotRestored(ILogger logger, string reason, double seconds);

    [LoggerMessage(EventId = LogEventIds.DirectPath, Level = LogLevel.Information, Message = "new flows between workloads of this node go {Delivery}; what speaks against going straight: [{Reasons}]")]
    internal static partial void DirectPath(ILogger logger, string delivery, string reasons);

    [LoggerMessage(EventId = LogEventIds.TunnelSource, Level = LogLevel.Information, Message = "new tunnels are opened from {Source}; what speaks for the workloads' addresses: [{Reasons}]")]
    internal static partial void TunnelSource(ILogger logger, string source, string reasons);

    [LoggerMessage(EventId = LogEventIds.RulesUnread, Level = LogLevel.Warning, Message = "routing rules and tables can't be read, so that tunnels are opened from where they were; they are looked at again within 30 s: {Error}")]
    internal static partial void RulesUnread(ILogger logger, string error);

    [LoggerMessage(EventId = LogEventIds.NotDelivered, Level = LogLevel.Warning, Message = "workload {Workload}: {Reason}")]
    internal static partial void NotDelivered(ILogger logger, string workload, string reason);

    [LoggerMessage(EventId = LogEventIds.DeliveredAgain, Level = LogLevel.Information, Message = "workload {Workload}: what is captured at {Interface} reaches the proxy again")]
    internal static partial void DeliveredAgain(ILogger logger, string workload, string @interface);

    [LoggerMessage(EventId = LogEventIds.DeliveryUntried, Level = LogLevel.Warning, Message = "whether captured packets reach the proxy is not tried here ({Reason}): rules of the node that drop them, overwrite their mark or route them elsewhere are not noticed; `culvert check` names such rules")]
    internal static partial void DeliveryUntried(ILogger logger, string reason);

    [LoggerMessage(EventId = LogEventIds.DeliveryTrialFailed, Level = LogLevel.Warning, Message = "whether captured packets reach the proxy could not be tried ({Reason}): what is known of it stays, and it is tried again")]
    internal static partial void DeliveryTrialFailed(ILogger logger, string reason);

    [LoggerMessage(EventId = LogEventIds.PutFirst, Level = LogLevel.Warning, Message = "{Other} of others ran before {Program} at {Interface} ({Hook}) and may have let past it what it refuses; {Program} is first again")]
    internal static partial void PutFirst(ILogger logger, string other, string program, string @interface, string hook);

    [LoggerMessage(EventId = LogEventIds.NatTableMade, Level = LogLevel.Information, Message = "others translate addresses of packets here ({Others}); the nft table {Table} keeps the proxy's out of it")]
    internal static partial void NatTableMade(ILogger logger, string others, string table);

    [LoggerMessage(EventId = LogEventIds.NatTableRemoved, Level = LogLevel.Information, Message = "nobody else translates destinations of packets any more; the nft table {Table} is removed")]
    internal static partial void NatTableRemoved(ILogger logger, string table);

    [LoggerMessage(EventId = LogEventIds.PinsRestored, Level = LogLevel.Warning, Message = "somebody had removed pins, without which nothing guards pods when the agent ends; put back: {Count} under {Folder}. `culvert detach` takes an agent out of a node")]
    internal static partial void PinsRestored(ILogger logger, int count, string folder);

    [LoggerMessage(EventId = LogEventIds.PinsNotRestored, Level = LogLevel.Error, Message = "pins are missing under {Folder} and can't be put back, so that nothing guards pods when the agent ends; it is tried again in {Seconds} s: {Reason}")]
    internal static partial void PinsNotRestored(ILogger logger, string folder, string reason, double seconds);

    [LoggerMessage(EventId = LogEventIds.NatUnknown, Level = LogLevel.Warning, Message = "captured packets are not kept out of others' translation of destinations, as kube-proxy's, if there is any: {Reason}")]
    internal static partial void NatUnknown(ILogger logger, string reason);

    [LoggerMessage(EventId = LogEventIds.NftUnwatched, Level = LogLevel.Warning, Message = "rules of nftables are not watched, they are looked at every 30 s: {Reason}")]
    internal static partial void NftUnwatched(ILogger logger, string reason);
}
