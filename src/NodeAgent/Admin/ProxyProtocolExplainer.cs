using System.Net;
using Culvert.Core;
using Culvert.NodeAgent.Reasons;
using Wire = Culvert.Protocol.V1;

namespace Culvert.NodeAgent.Admin;

/// <summary>What an explanation says about PROXY headers. Pure.</summary>
internal static class ProxyProtocolExplainer
{
    /// <summary>Says which headers a port takes and which its application gets.</summary>
    internal static void AddSteps(Wire.ExplainResponse answer, WorkloadInfo destination, ushort port, TransportProtocol protocol)
    {
        if (destination.AcceptsProxyProtocol(port, protocol))
        {
            IEnumerable<IpPrefix> from = destination.TrustedProxies.Where(t => t.Covers(port, protocol)).SelectMany(t => t.From).Distinct();
            answer.Steps.Add($"port {port} takes load balancers only, from {string.Join(", ", from)}, with a PROXY protocol header in front, whose client is the source for policy, logs and the application");
        }
        if (destination.WantsProxyProtocol(port, protocol))
        {
            string with = destination.WantsBareProxyProtocol(port, protocol) ? "addresses only" : "and the source's identity, a connection number and the Service's name";
            answer.Steps.Add($"the application asked for a PROXY protocol v2 header: it gets the client's address, {with}");
        }
    }

    /// <summary>Whether a port refuses a source because it takes load balancers only and this is none; says so.</summary>
    internal static bool Refuses(Wire.ExplainResponse answer, IPAddress source, WorkloadInfo destination, ushort port, TransportProtocol protocol)
    {
        if (!destination.AcceptsProxyProtocol(port, protocol)) return false;
        if (destination.TrustsProxy(source, port, protocol))
        {
            answer.Steps.Add("policy will be asked about the client that the header names; what follows is for a header that names none");
            return false;
        }
        answer.Verdict = Wire.Verdict.Deny;
        answer.Reason = ReasonTable.ProxyProtocolPrefix + ReasonText.Kebab(nameof(ProxyProtocolError.Untrusted));
        answer.Steps.Add($"denied: {source} is none of those load balancers");
        return true;
    }
}
