using System.Net;
using Culvert.Core;
using Culvert.NodeAgent.Proxy.Model;
using Culvert.NodeAgent.Proxy.Tunnel;
using Culvert.NodeAgent.Reasons;
using Grpc.Core;
using Wire = Culvert.Protocol.V1;

namespace Culvert.NodeAgent.Admin;

/// <summary>
/// Says what becomes of a connection by a tunnel whose peer has proven a SPIFFE ID, of another trust domain or of the mesh's own on another node: by the rules that the proxy asks of each handshake, and then by policy as ever. Pure.
/// </summary>
internal static class TunnelExplainer
{
    private const int MostDomainsTold = 3;

    /// <summary>Whether the source that is asked about is a SPIFFE ID.</summary>
    internal static bool IsAsked(Wire.ExplainRequest request) => request.Source.StartsWith(SpiffeId.SchemePrefix, StringComparison.Ordinal);

    /// <summary>Explains a connection; one to a Service by its first backend, as tunnels go to workloads, and says of which others something else holds.</summary>
    /// <param name="oracle">Knows the snapshot in force.</param>
    /// <param name="believed">Which peers are believed.</param>
    /// <param name="request">The connection.</param>
    /// <exception cref="RpcException">The request makes no sense, names what is not there, or lacks an address that policy asks for.</exception>
    internal static Wire.ExplainResponse Explain(PathOracle oracle, BelievedPeers believed, Wire.ExplainRequest request)
    {
        SnapshotIndex index = oracle.World;
        ushort port = Explainer.PortOf(request);
        Question question = new(oracle, believed, IdOf(request), AddressOf(request), ServiceOf(index, request.Destination), Explainer.ProtocolOf(request));
        Wire.ExplainResponse answer = question.Begin();
        if (question.Named is not { } service) return question.To(DestinationOf(index, request.Destination, question.From), port, answer);
        ServiceBackend[] backends = [.. Explainer.Choose(service, vip: null, port, question.Protocol, answer).Backends.Where(b => question.From is not { } from || from.AddressFamily == b.Address.AddressFamily)];
        if (backends.Length == 0) throw Invalid($"service {service.Name} port {port} has no backend of the family of {question.From}");
        question.To(backends[0].Address, backends[0].Port, answer);
        Explainer.AddOthers(answer, [.. backends.Skip(1).Select(b => question.To(b.Address, b.Port, question.Begin()))]);
        return answer;
    }

    /// <summary>Where the mesh is federated, says of a connection without an identity that it may be another's by a tunnel, and how to ask about that.</summary>
    /// <param name="answer">Where to.</param>
    /// <param name="snapshot">The snapshot in force.</param>
    /// <param name="destination">The workload that it goes to.</param>
    /// <param name="port">The port there.</param>
    /// <param name="protocol">TCP or UDP.</param>
    internal static void AddHint(Wire.ExplainResponse answer, NodeSnapshot snapshot, WorkloadInfo destination, ushort port, TransportProtocol protocol)
    {
        string[] domains = [.. snapshot.FederatedBundles.Select(b => b.TrustDomain)];
        if (domains.Length == 0) return;
        string names = string.Join(", ", domains.Take(MostDomainsTold)) + (domains.Length > MostDomainsTold ? $" and {domains.Length - MostDomainsTold} more" : "");
        string udp = protocol == TransportProtocol.Udp ? "/udp" : "";
        answer.Steps.Add($"this is about plaintext: who comes by a tunnel with an identity of a federated trust domain ({names}) is judged by that; ask with it, as `culvert explain {SpiffeId.SchemePrefix}{domains[0]}/ns/NAMESPACE/sa/ACCOUNT {destination.Uid}:{port}{udp}`");
    }

    private static SpiffeId IdOf(Wire.ExplainRequest request)
    {
        if (!SpiffeId.TryParse(request.Source, out SpiffeId? id, out string? error)) throw Invalid(error);
        return id.Path.Length > 0 ? id : throw Invalid($"{id} names a trust domain and no workload: it has no path");
    }

    private static IPAddress? AddressOf(Wire.ExplainRequest request) =>
        request.SourceAddress.Length == 0 ? null
        : IpPrefix.TryParseAddress(request.SourceAddress, out IPAddress? address) ? address : throw Invalid($"source address '{request.SourceAddress}' is no address");

    private static ServiceInfo? ServiceOf(SnapshotIndex index, string text) =>
        NamespacedName.TryParse(text, out NamespacedName name) && index.Snapshot.Services.TryGetValue(name, out ServiceInfo? service) ? service
        : IpPrefix.TryParseAddress(text, out IPAddress? vip) ? index.FindService(vip) : null;

    private static IPAddress DestinationOf(SnapshotIndex index, string text, IPAddress? from)
    {
        (IPAddress address, WorkloadInfo? workload) = Explainer.FindEnd(index, text, "destination");
        if (from is null || from.AddressFamily == address.AddressFamily) return address;
        return (IpPrefix.TryParseAddress(text, out _) ? null : workload?.Addresses.FirstOrDefault(a => a.AddressFamily == from.AddressFamily)) ?? throw Invalid($"source {from} and destination {address} are not of one family");
    }

    private static RpcException Invalid(string words) => new(new Status(StatusCode.InvalidArgument, words));

    /// <summary>What is asked for, but for the address that it goes to.</summary>
    private sealed record Question(PathOracle Oracle, BelievedPeers Believed, SpiffeId Id, IPAddress? From, ServiceInfo? Named, TransportProtocol Protocol)
    {
        private readonly WorkloadInfo[] _holders = [.. Oracle.World.Snapshot.Workloads.Values.Where(w => w.Enrolled && w.Identity == Id && w.Node != Oracle.World.Snapshot.Node).OrderBy(w => w.Uid, StringComparer.Ordinal)];

        private NodeSnapshot Snapshot => Oracle.World.Snapshot;

        private bool IsForeign => Id.TrustDomain != Snapshot.Mesh.TrustDomain;

        internal Wire.ExplainResponse Begin()
        {
            Wire.ExplainResponse answer = new() { Path = Wire.FlowPath.Tunnel };
            answer.Steps.Add(this switch
            {
                { IsForeign: true } => $"{Id} is of trust domain {Id.TrustDomain}, another than the mesh's: it comes by a tunnel, or has no identity",
                { From: not null } or { _holders: [] } => $"{Id} is of the mesh: it comes by a tunnel from another node{(_holders.Length == 0 ? ", though no workload there has it now" : "")}",
                _ => $"{Id} comes by a tunnel from another node, as {_holders[0].Uid} of node {_holders[0].Node}{(_holders.Length > 1 ? $", and {_holders.Length - 1} more workloads of other nodes" : "")}",
            });
            return answer;
        }

        internal Wire.ExplainResponse To(IPAddress address, ushort port, Wire.ExplainResponse answer)
        {
            WorkloadInfo? destination = Oracle.World.FindWorkload(address);
            IPAddress? from = From ?? _holders.SelectMany(w => w.Addresses).FirstOrDefault(a => a.AddressFamily == address.AddressFamily);
            WorkloadInfo? source = from is null ? null : Oracle.World.FindWorkload(from);
            answer.Source = FlowMapping.Endpoint(from is null ? null : new IPEndPoint(from, 0), source?.Identity == Id ? source : null, Id.ToString(), null);
            answer.Destination = FlowMapping.Endpoint(new IPEndPoint(address, port), destination, destination?.Identity.ToString(), Named?.Name);
            if (destination is not { Enrolled: true }) return Refuse(answer, ReasonText.Kebab(nameof(ProxyFailure.NoRoute)), $"{address} is no workload of the mesh: nobody takes tunnels there");
            if (destination.Node != Snapshot.Node) return Explainer.LeaveTo(destination, answer);
            answer.Steps.Add($"tunnel to {destination.Uid}: the proxy of node {destination.Node} shows {destination.Identity}, and asks who comes");
            if (FindRefusal(destination) is var (failure, why)) return Refuse(answer, ReasonText.Kebab(failure.ToString()), $"denied: {why}");
            if (Oracle.To(new PathRequest(null, IpPrefix.Host(address), port, Protocol)) is { Kind: PathKind.Drop } path) return Refuse(answer, ReasonText.Of(path.Reason), $"port {port} of a workload is for tunnels between proxies: none leads there");
            ConnectionRequest connection = new()
            {
                SourceIdentity = Id,
                SourceAddress = from ?? IPAddress.Any,
                SourceWorkload = source,
                Destination = destination,
                Port = port,
                Protocol = Protocol,
                Authenticated = true,
                IsRead = destination.HttpAt(port, Protocol) != HttpKind.None,
            };
            if (from is null && (destination.AcceptsProxyProtocol(port, Protocol) || PolicyEvaluator.AsksForAddress(Snapshot, connection)))
                throw Invalid($"what is decided at {destination.Uid} port {port} depends on the address that the tunnel comes from (ipBlocks, NetworkPolicies, load balancers): say it (--from ADDRESS)");
            ProxyProtocolExplainer.AddSteps(answer, destination, port, Protocol);
            if (from is not null && ProxyProtocolExplainer.Refuses(answer, from, destination, port, Protocol)) return answer;
            Decision decision = Explainer.Decide(Snapshot, connection, answer);
            if (IsForeign && decision.Reason is DecisionReason.NoAllowMatched or DecisionReason.DeniedByDefault)
                answer.Steps.Add($"who is of another trust domain gets in by rules of ALLOW policies alone that name that trust domain whole in `identities`, as {SpiffeId.SchemePrefix}{Id.TrustDomain}/*");
            return answer;
        }

        // What the handshake finds out by certificates is known here by the bundles: without a root of its trust domain nobody proves an identity.
        private (ProxyFailure Failure, string? Why)? FindRefusal(WorkloadInfo destination)
        {
            if (IsForeign && !Believed.Federated.Any(b => b.TrustDomain == Id.TrustDomain && !b.Roots.IsEmpty))
            {
                return (ProxyFailure.TlsHandshake, Snapshot.FederatedBundles.Any(b => b.TrustDomain == Id.TrustDomain)
                    ? $"the mesh is federated with {Id.TrustDomain}, but this node has no root of it in force, so that nobody proves to be of it"
                    : $"the mesh is not federated with {Id.TrustDomain}: nobody of it is believed");
            }

            (ProxyFailure failure, string? detail) = PeerRules.FindRefusal(Id, destination.Identity, expected: null, Believed.Revoked, [], isForeignTrusted: true);
            return failure == ProxyFailure.None ? null : (failure, detail);
        }

        private static Wire.ExplainResponse Refuse(Wire.ExplainResponse answer, string reason, string step)
        {
            answer.Steps.Add(step);
            (answer.Verdict, answer.Reason) = (Wire.Verdict.Deny, reason);
            return answer;
        }
    }
}
