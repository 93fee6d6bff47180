using System.Collections.Immutable;
using static Culvert.Core.ReasonAnswer;
using static Culvert.Core.ReasonClass;
using static Culvert.Core.ReasonUse;

namespace Culvert.Core;

/// <summary>
/// Every reason there is, once: that of the kernel's programs (<c>CV_REASONS</c> of <c>bpf/shared/culvert_abi.h</c>), of the proxy and of policy. Names are stable:
/// they are label values of metrics. Tests compare the names with those enums, the answers with what the programs do, and <c>docs/metrics.md</c> with all of it.
/// </summary>
public static class ReasonTable
{
    /// <summary>Name of the reasons of a refused PROXY header; behind it stands the error, as in <c>culvert_proxy_protocol_errors_total</c>.</summary>
    public const string ProxyProtocolPrefix = "proxy-protocol-";

    /// <summary>The table, in the order in which documents show it.</summary>
    public static ImmutableArray<DropReason> All { get; } =
    [
        new("malformed", Packet, Malformed, Silent, "a header is truncated or contradicts itself", "nothing, if rare; otherwise see who sends it"),
        new("spoofed-source", Packet, Malformed, Silent, "a pod sent with an address that is not its own, or a packet came by routing whose source is a pod, workload or Service of the mesh", "give a pod that speaks with further addresses all of them in its Workload; else find what translates or forwards around the agent; enrol pods only on nodes where an agent runs"),
        new("no-endpoint", Packet, Internal, Silent, "the pod's interface is guarded, and no workload is known for it (yet)", "nothing while a pod starts; later `culvert status` says why the workload is not captured"),
        new("policy-deny", Packet | Connection, Denied, Reset, "a DENY policy matched", "`culvert flows --verdict deny` names policy, rule and file"),
        new("policy-no-allow", Packet | Connection, Denied, Reset, "ALLOW policies select the destination and none matched", "allow it, if it is meant to be"),
        new("policy-default", Packet | Connection, Denied, Reset, "no policy speaks of it, and `defaultAction` is DENY, or its source is of another trust domain", "allow it, if it is meant to be"),
        new("strict-mtls", Packet | Connection, Denied, Reset, "plaintext to a workload whose mode is STRICT", "enrol the client, or make the workload PERMISSIVE"),
        new("no-service-port", Packet | Connection, Denied, Unreachable, "a Service's address, but none of its ports", "correct the client or the Service"),
        new("no-backend", Packet | Connection, Denied, Unreachable, "the Service port has no backend", "start workloads that it selects, or correct its selector"),
        new("proxy-down", Packet, Internal, Silent, "no agent runs that would take the connection", "start it; connections that try again are taken then"),
        new("assign-failed", Packet, Internal, Silent, "the kernel did not hand the packet to the proxy", "report it with the kernel's version"),
        new("flow-table-full", Packet, Capacity, Silent, "the table of flows took no more entries", "set a larger `--flow-table-size`"),
        new("fragment-no-first", Packet, Malformed, Silent, "a fragment whose first one was not seen", "nothing, if rare; otherwise look for lost or reordered fragments, and a smaller MTU"),
        new("unsupported-protocol", Packet, Malformed, Silent, "neither TCP, UDP nor ICMP", "exclude the destination (`excludeCidrs`), if it has to pass"),
        new("extension-headers", Packet, Malformed, Silent, "more IPv6 extension headers than are walked", "nothing; no ordinary sender does that"),
        new("rewrite-failed", Packet, Internal, Silent, "the kernel did not let the packet be changed", "report it with the kernel's version"),
        new("redirect-failed", Packet, Internal, Silent, "the kernel did not deliver straight into the pod", "nothing while the pod's interface is replaced; otherwise report it"),
        new("not-a-connection", Packet, Malformed, Reset, "TCP of no flow that is known, and that starts none", "nothing, if rare: late packets of connections that ended, or that were open before the pod was enrolled"),
        new("tunnel-port", Packet | Connection, Denied, Reset, "a pod asked for the tunnel port itself", "look at what the pod does: applications have no use for it"),
        new("internal", Packet, Internal, Silent, "a table that must exist is missing: a bug", "report it"),
        new("transport-spoof", Packet, Malformed, Silent, "a packet with the proxy's mark that is not the proxy's", "look for what sets marks on this node"),
        new("tuple-taken", Packet, Capacity, Silent, "translated to a backend of a Service, two connections of a pod, or datagrams of one and those that the backend has sent it unasked, would have the same addresses and ports", "nothing: another try has another port or backend, or the other connection has ended"),
        new("header-failed", Packet, Internal, Silent, "the kernel made no room for a PROXY header", "report it with the kernel's version"),
        new("session-table-full", Packet, Capacity, Silent, "the table of UDP sessions took no more entries", "see who opens so many (`culvert flows --protocol udp`)"),
        new("proxy-required", Packet, Denied, Silent, "plaintext to a port behind the proxy came from a pod of the same node that is not in the mesh, or by another interface than an uplink", "enrol the client; if it is none of this node, name the interface with `--uplink`"),
        new("flow-quota", Packet, Capacity, Silent, "the pod, or all the world outside, has all the flows that it may have", "see what it opens; set a larger `--flow-table-size`"),
        new("icmp-echo", Packet, Denied, Silent, "echo requests are refused (`icmpEcho: DENY`)", "nothing, if it is meant so"),
        new("neighbour-scope", Packet, Malformed, Silent, "neighbour discovery that left its link", "look who forges it"),
        new("foreign-error", Packet, Malformed, Silent, "an ICMP error about a packet that its receiver did not send", "look who forges it"),
        new("network-policy-ingress", Packet | Connection, Denied, Reset, "NetworkPolicies isolate the destination, and none of them allows it in", "allow it, if it is meant to be"),
        new("network-policy-egress", Packet | Connection, Denied, Reset, "NetworkPolicies isolate the source, and none of them allows it out", "allow it, if it is meant to be"),
        new("flooded", Packet, Malformed, Silent, "a bridge brought a pod what is for another pod of the node", "nothing, if rare; otherwise look who takes that pod's MAC address"),
        new("fragment-quota", Packet, Capacity, Silent, "its share of the node's reassembly (1 MiB within the last 30 to 60 s) is full of datagrams that are not whole", "see what sends fragments that never become whole, or loses them"),

        new("rate-limited", Connection, Denied, Reset, "a RateLimit had no room for a request; only the request is refused, with 429", "`culvert flows --verdict deny` names the RateLimit and its rule; callers come again when `retry-after` says"),
        new("denied-by-authorizer", Connection, Denied, Reset, "the external authorizer that a CUSTOM policy asks did not allow a request; only the request is refused, with the authorizer's answer", "`culvert flows --verdict deny` names the policy and its rule; the authorizer's own log says why"),
        new("authorizer-failed", Connection, Denied, Reset, "an external authorizer could not be asked about a request, or did not answer in time; only the request is refused, with 403", "`culvert flows --verdict deny` names the policy, its rule and what went wrong; `onFailure: ALLOW` in the MeshConfig lets such requests pass"),
        new("limit-service-failed", Connection, Denied, Reset, "the rate limit service that a RateLimit asks could not be asked about a request, did not answer in time, or too many requests waited for it; only the request is refused, with 503 (429 where too many waited)", "`culvert flows --verdict deny` names the RateLimit, its rule and what went wrong; `onFailure: ALLOW` in the rule lets requests pass about which it can't be asked"),
        new("policy-missing", Connection, Internal, Reset, "the snapshot names a policy that it does not hold", "report it"),
        new("not-enrolled", Connection, Denied, Reset, "the destination has just left the mesh", "nothing"),
        new("token-refused", Connection, Denied, Reset, "a request's token (RequestAuthentication) is not good; the request was answered 401, and its connection goes on or ends as any", "`culvert flows --verdict deny` says why; compare issuer, audience, keys and clocks"),
        new("policy-denied", Connection, Denied, Reset, "the destination's node refused it by policy", "ask there: `culvert flows --verdict deny`"),
        new("policy-changed", Connection, Denied, Reset, "policy changed and forbids it now", "nothing, if it is meant so"),
        new("unknown-source", Connection, Denied, Reset, "the client's address is no enrolled workload of this node", "nothing while a pod goes; otherwise look at its addresses"),
        new("no-route", Connection, Denied, Reset, "nothing is known about the destination", "correct the client or the Service"),
        new("no-certificate", Connection, Internal, Reset, "the identity has no certificate yet", "`culvert status` says why: can the controller be reached?"),
        new("connect-refused", Connection, Peer, Reset, "nobody listens at the destination", "start the application, or correct the port"),
        new("connect-timeout", Connection, Peer, Reset, "the destination did not answer in time", "is the tunnel port (15008) open between the nodes? is the pod alive?"),
        new("connect-failed", Connection, Peer, Reset, "no path to the destination, or its node could not connect or had no place", "look at the flows of the destination's node"),
        new("tls-handshake", Connection, Peer, Reset, "the TLS handshake failed", "the log says why; clocks, trust domain, roots"),
        new("tls-timeout", Connection, Peer, Reset, "the TLS handshake took too long", "is one of the nodes overloaded?"),
        new("peer-identity-mismatch", Connection, Denied, Reset, "the peer has another identity than the destination's, or one that opens no tunnels (below `/culvert` or `/spire`)", "nothing while addresses change hands; otherwise somebody else answers there"),
        new("peer-revoked", Connection, Denied, Reset, "the peer's certificate, the authority that signed it, or its identity has been revoked (`revoked` of the MeshConfig)", "nothing, if it is meant so; else take it off that list"),
        new("protocol-error", Connection, Malformed, Reset, "the peer broke the rules of HTTP/2, or spoke HTTP/1.1 at a port of HTTP/2", "see what it is, and of which version; say of ports of HTTP/1.1 that they are (`appProtocol: http`)"),
        new("bad-request", Connection, Malformed, Reset, "the destination's node did not take the request", "nothing while addresses change hands; otherwise compare both nodes' `culvert status`"),
        new("peer-refused", Connection, Peer, Reset, "the destination's proxy refused with an unknown status", "see what it is, and of which version"),
        new("application-reset", Connection, Peer, Reset, "the application reset its connection", "nothing"),
        new("stream-reset", Connection, Peer, Reset, "the other node reset the connection", "look at the flows of the other node"),
        new("tunnel-reset", Connection, Peer, Reset, "the tunnel broke", "look at the link between the nodes, and whether an agent died"),
        new("overload", Connection, Capacity, Reset, "a limit of this node was reached: connections, tunnels, buffers, descriptors", "`culvert_proxy_places` says which; set a higher `LimitNOFILE`"),
        new("over-share", Connection, Capacity, Reset, "the workload, identity or address has its share of the node", "see what opens so many; set a higher `LimitNOFILE`"),
        new("draining", Connection, Internal, Reset, "the agent stopped, and its time for that was over", "set a longer `--drain-seconds`"),
        new("proxy-fault", Connection, Internal, Reset, "an exception in the proxy: a bug", "report it with the log"),
        new("udp-unsupported", Connection, Peer, Silent, "the destination's proxy takes no UDP", "run a proxy there that offers extended CONNECT (RFC 8441)"),
        new(ProxyProtocolPrefix, Connection, Malformed, Reset, "a PROXY header of a load balancer was refused; the rest says why, as in `culvert_proxy_protocol_errors_total`", "declare the load balancer (`accept-proxy-protocol`), or correct what it sends"),
        new("route-changed", Connection, Peer, Silent, "the mesh changed, and the session's path with it", "nothing: the next datagram makes a new one"),
        new("crowded-out", Connection, Capacity, Reset, "too many peers waited for their handshake, and this one had been silent longest", "see who connects to the tunnel port"),

        new("tunnel-full", Datagram, Capacity, Silent, "no room between the nodes", "see why the link is slower than what is sent"),
        new("unknown-context", Datagram, Malformed, Silent, "a peer sent a context that was not agreed upon", "see what it is, and of which version"),
        new("capsule-too-long", Datagram, Malformed, Silent, "a peer announced a datagram longer than any there is", "see what it is, and of which version"),
        new("other-source-port", Datagram, Peer, Silent, "a pod answered from another port, and the peer does not take that", "run this version on the other node"),
        new("malformed-capsule", Datagram, Malformed, Silent, "a peer's datagram was cut short", "see what it is, and of which version"),
        new("bad-header", Datagram, Malformed, Silent, "its PROXY header was refused", "`culvert_proxy_protocol_errors_total` says why"),
        new("session-refused", Datagram, Denied, Silent, "its session is refused", "`culvert flows --protocol udp --verdict deny` says why"),
        new("session-limit", Datagram, Capacity, Silent, "as many sessions as there may be", "see who opens so many; set a shorter `--udp-idle-seconds`"),
        new("session-opening", Datagram, Capacity, Silent, "enough others wait for the tunnel that is being opened", "nothing, if rare"),
        new("send-failed", Datagram, Peer, Silent, "the kernel did not take it: no buffer, no route, too long", "look at the pod's socket buffers and MTU"),
        new("no-answer-socket", Datagram, Capacity, Silent, "no socket could be had to answer from", "`culvert_proxy_places` says what is full (then set a higher `LimitNOFILE`); without CAP_NET_RAW a program that has the destination's port is in the way"),
        new("unknown-session", Datagram, Malformed, Silent, "an answer of no session", "nothing: it came after its session's end"),
        new("no-room-for-header", Datagram, Capacity, Silent, "with the PROXY header it is longer than a datagram may be", "send smaller datagrams, or ask for `tlvs=none`"),
        new("too-late", Datagram, Capacity, Silent, "it waited for 100 ms for the link to the other node, and fresher ones go first", "see why the link is slower than what is sent, or loses packets"),
        new("no-room-for-pieces", Datagram, Capacity, Silent, "it came in pieces whose end has not come, and its workload's share of the node's buffers is used up", "see who sends to that workload"),
        new("late-answer", Datagram, Denied, Silent, "an answer in a session that policy has ended, within 30 s; it may not begin a session of its own", "nothing, if it is meant so"),
    ];

    private static readonly ImmutableDictionary<string, DropReason> ByName = All.ToImmutableDictionary(r => r.Name, StringComparer.Ordinal);

    /// <summary>The reason of a name; null for a name that none has, such as one of another version.</summary>
    /// <param name="name">As metrics and flows have it.</param>
    public static DropReason? Find(string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        return ByName.GetValueOrDefault(name.StartsWith(ProxyProtocolPrefix, StringComparison.Ordinal) ? ProxyProtocolPrefix : name);
    }
}
