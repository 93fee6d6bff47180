using System.Net;

namespace Culvert.Core.Tests;

/// <summary>Policy about requests: what is left of it for one connection says the same as all of it.</summary>
[Trait("Category", "Attack")]
public sealed class RequestRulesTests
{
    private static readonly PolicyRule Reads = Given.Rule(to: new() { Ports = [80], Protocol = TransportProtocol.Tcp, Request = new() { Methods = ["GET"] } });

    [Fact]
    public void What_is_left_for_a_connection_says_of_each_request_what_all_of_policy_says()
    {
        var worlds = new RandomWorld(11);
        int asked = 0, denied = 0, audited = 0, externally = 0;
        for (int round = 0; round < 5_000; round++)
        {
            NodeSnapshot snapshot = worlds.Next();
            foreach (WorkloadInfo destination in snapshot.Workloads.Values.Where(w => w.Enrolled))
            {
                ConnectionRequest connection = worlds.Request(snapshot, destination) with { IsRead = true, Protocol = TransportProtocol.Tcp };
                Decision opened = PolicyEvaluator.Evaluate(snapshot, connection);
                if (!opened.IsAllowed) continue;
                RequestRules? rules = RequestRules.Of(snapshot, connection);
                for (int i = 0; i < 4; i++)
                {
                    SomeRequest request = worlds.HttpRequest();
                    Decision expected = PolicyEvaluator.Evaluate(snapshot, connection, request.Head);
                    expected = expected with { AuditPolicies = expected.AuditPolicies.Where(p => !opened.AuditPolicies.Contains(p)).ToEquatableArray() };
                    Decision found = rules?.Decide(request.Head) ?? opened with { AuditPolicies = [] };
                    Assert.True(expected == found, $"round {round} {request}: {expected} {found}");
                    IReadOnlyList<(NamespacedName, int)> authorizers = PolicyEvaluator.AuthorizersOf(snapshot, connection, request.Head);
                    Assert.Equal(authorizers, (rules?.AuthorizersOf(request.Head) ?? []).Select(r => (r.Policy, r.RuleIndex)));
                    if (authorizers.Count > 0) externally++;
                    if (rules is null) continue;
                    asked++;
                    if (!found.IsAllowed) denied++;
                    if (!found.AuditPolicies.IsEmpty) audited++;
                }
            }
        }

        Assert.True(asked > 1_500 && denied > 300 && audited > 100 && externally > 300, $"{asked} {denied} {audited} {externally}");
    }

    [Fact]
    public void Of_a_connection_that_is_refused_no_request_would_be_allowed()
    {
        var worlds = new RandomWorld(12);
        int asked = 0;
        for (int round = 0; round < 1_000; round++)
        {
            NodeSnapshot snapshot = worlds.Next();
            foreach (WorkloadInfo destination in snapshot.Workloads.Values.Where(w => w.Enrolled))
            {
                ConnectionRequest connection = worlds.Request(snapshot, destination) with { IsRead = true, Protocol = TransportProtocol.Tcp };
                if (PolicyEvaluator.Evaluate(snapshot, connection).IsAllowed) continue;
                SomeRequest request = worlds.HttpRequest();
                Assert.False(PolicyEvaluator.Evaluate(snapshot, connection, request.Head).IsAllowed, $"round {round} {request}");
                asked++;
            }
        }

        Assert.True(asked > 500, $"{asked}");
    }

    [Theory]
    [InlineData(PolicyAction.Allow, false)]
    [InlineData(PolicyAction.Allow, true)]
    [InlineData(PolicyAction.Deny, false)]
    [InlineData(PolicyAction.Deny, true)]
    public void Rules_about_requests_let_a_connection_in_only_where_these_are_read(PolicyAction action, bool isRead)
    {
        WorkloadInfo web = Given.Workload("web", "10.0.0.1", "shop/p");
        NodeSnapshot snapshot = Given.Snapshot(new(), [Given.Policy("shop/p", action, Reads)], web);
        Assert.Equal(isRead, PolicyEvaluator.Evaluate(snapshot, Connection(web, 80, isRead)).IsAllowed);
    }

    [Fact]
    public void Other_ports_and_UDP_are_not_what_conditions_on_requests_are_about()
    {
        WorkloadInfo web = Given.Workload("web", "10.0.0.1", "shop/p");
        NodeSnapshot snapshot = Given.Snapshot(new(), [Given.Policy("shop/p", PolicyAction.Deny, Reads)], web);
        Assert.True(PolicyEvaluator.Evaluate(snapshot, Connection(web, 81, isRead: false)).IsAllowed);
        Assert.True(PolicyEvaluator.Evaluate(snapshot, Connection(web, 80, isRead: false) with { Protocol = TransportProtocol.Udp }).IsAllowed);
        Assert.Null(RequestRules.Of(snapshot, Connection(web, 81, isRead: true)));
    }

    [Fact]
    public void Only_declared_ports_of_which_policy_asks_about_requests_need_the_proxy()
    {
        WorkloadInfo web = Given.Workload("web", "10.0.0.1", "shop/p") with { ApplicationPorts = [new(80, "http"), new(81, "http"), new(82, "kubernetes.io/h2c"), new(83, "redis")] };
        PolicyRule some = Given.Rule(to: new() { NotPorts = [81], Protocol = TransportProtocol.Tcp, Request = new() { Methods = ["GET"] } });
        NodeSnapshot snapshot = Given.Snapshot(new(), [Given.Policy("shop/p", PolicyAction.Audit, some, new PolicyRule())], web);
        RequestPorts ports = new(snapshot);
        Assert.Equal([80, 82], ports.Of(web));
        Assert.True(ports.Contains(web, 80, TransportProtocol.Tcp));
        Assert.False(ports.Contains(web, 80, TransportProtocol.Udp) || ports.Contains(web, 81, TransportProtocol.Tcp) || ports.Contains(web, 83, TransportProtocol.Tcp));

        WorkloadInfo client = Given.Workload("client", "10.0.0.2");
        PathOracle oracle = new(new SnapshotIndex(snapshot with { Workloads = snapshot.Workloads.Add(client.Uid, client) }), tunnelPort: 15008);
        Assert.Equal((PathKind.Proxy, PathReason.Requests), Path(80));
        Assert.Equal((PathKind.Direct, PathReason.None), Path(81));

        (PathKind, PathReason) Path(ushort port) => oracle.To(new PathRequest(client, IpPrefix.Host(web.Addresses[0]), port, TransportProtocol.Tcp)) is var path ? (path.Kind, path.Reason) : default;
    }

    private static ConnectionRequest Connection(WorkloadInfo destination, ushort port, bool isRead) => new()
    {
        SourceAddress = IPAddress.Parse("10.0.0.9"),
        SourceWorkload = null,
        Destination = destination,
        Port = port,
        Protocol = TransportProtocol.Tcp,
        Authenticated = false,
        IsRead = isRead,
    };
}
