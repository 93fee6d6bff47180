using Culvert.Core;
using Culvert.NodeAgent.Proxy.Model;

namespace Culvert.NodeAgent.Proxy.ProxyProtocol;

/// <summary>What a load balancer's header means for a connection. Thread-safe.</summary>
internal static class LoadBalancerHeader
{
    /// <summary>Whether the port that a connection leads to takes connections of load balancers only, each with a header.</summary>
    internal static bool IsExpected(in ProxyConnectionInfo info) =>
        info.DestinationWorkload is { Enrolled: true } workload && workload.AcceptsProxyProtocol(info.Target.Port, info.Protocol);

    /// <summary>Whether a header is expected, and the sender is trusted with one.</summary>
    /// <param name="info">The connection; of one that is not trusted, the error of its header is set.</param>
    internal static LoadBalancerTrust Check(ref ProxyConnectionInfo info)
    {
        if (!IsExpected(info)) return LoadBalancerTrust.NotExpected;
        if (IsTrusted(info, info.DestinationWorkload)) return LoadBalancerTrust.Trusted;
        info = info with { HeaderError = ProxyProtocolError.Untrusted };
        return LoadBalancerTrust.Untrusted;
    }

    /// <summary>Whether the sender's headers are believed by the workload that has the destination's address now.</summary>
    internal static bool IsTrusted(in ProxyConnectionInfo info, WorkloadInfo? destination) =>
        destination?.TrustsProxy((info.LoadBalancer ?? info.Source).ToIPAddress(), info.Target.Port, info.Protocol) == true;

    /// <summary>The connection as the client made it: policy, logs and the application see the header's addresses.</summary>
    internal static ProxyConnectionInfo Apply(in ProxyConnectionInfo info, in ReceivedHeader header) =>
        header.Error != ProxyProtocolError.None ? info with { HeaderError = header.Error }
        : header.HasAddresses ? info with { LoadBalancer = info.Source, Source = header.Source, Destination = header.Destination }
        : info with { LoadBalancer = info.Source };
}
