using System.Collections.Immutable;
using System.Net;

namespace Culvert.Core.Tests;

/// <summary>Builds small worlds for policy tests.</summary>
internal static class Given
{
    public const string TrustDomain = "td";

    public static SpiffeId Id(string ns, string sa) => SpiffeId.ForServiceAccount(TrustDomain, ns, sa);

    public static WorkloadInfo Workload(string name, string address, params string[] policies) => new()
    {
        Uid = "shop/" + name,
        Name = new("shop", name),
        ServiceAccount = name,
        Identity = Id("shop", name),
        Node = "n1",
        Addresses = [IPAddress.Parse(address)],
        PolicyNames = policies.Select(NamespacedName.Parse).ToEquatableArray(),
    };

    public static PolicyInfo Policy(string name, PolicyAction action, params PolicyRule[] rules) =>
        new() { Name = NamespacedName.Parse(name), Action = action, Rules = rules.ToEquatableArray() };

    public static PolicyRule Rule(PolicySource? from = null, PolicyDestination? to = null) =>
        new() { From = from is null ? [] : [from], To = to is null ? [] : [to] };

    public static EquatableArray<StringPattern> Identities(params string[] patterns) => patterns
        .Select(p => StringPattern.TryParseIdentity(p, out StringPattern pattern, out string? error) ? pattern : throw new FormatException(error)).ToEquatableArray();

    public static EquatableArray<StringPattern> Patterns(params string[] patterns) => patterns.Select(StringPattern.Parse).ToEquatableArray();

    public static RouteExpression Expression(string text) => RouteExpression.TryParseForPolicy(text, out RouteExpression? expression, out string? reason) ? expression : throw new FormatException(reason);

    public static EquatableArray<IpPrefix> Blocks(params string[] blocks) => blocks.Select(IpPrefix.Parse).ToEquatableArray();

    public static NodeSnapshot Snapshot(MeshSettings mesh, IEnumerable<PolicyInfo> policies, params WorkloadInfo[] workloads) => new()
    {
        Version = 1,
        Node = "n1",
        Mesh = mesh with { TrustDomain = TrustDomain },
        Policies = policies.ToImmutableDictionary(p => p.Name),
        Workloads = workloads.ToImmutableDictionary(w => w.Uid),
    };

    public static Decision Decide(NodeSnapshot snapshot, WorkloadInfo destination, string? from, string address, ushort port, bool authenticated = true) =>
        PolicyEvaluator.Evaluate(snapshot, new ConnectionRequest
        {
            SourceIdentity = from is null ? null : SpiffeId.Parse($"spiffe://{from}"),
            SourceAddress = IPAddress.Parse(address),
            SourceWorkload = new SnapshotIndex(snapshot).FindWorkload(IPAddress.Parse(address)),
            Destination = destination,
            Port = port,
            Protocol = TransportProtocol.Tcp,
            Authenticated = authenticated && from is not null,
        });
}
