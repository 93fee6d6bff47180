using Culvert.Core;
using Culvert.Protocol;

namespace Culvert.Controller.Tests.Mapping;

/// <summary>No field of the model is forgotten on its way to the agents.</summary>
public sealed class EveryFieldTests
{
    [Fact]
    public void A_workload_arrives_whole() => Arrives(new WorkloadInfo { Uid = "", Name = default, ServiceAccount = "", Identity = null!, Node = "" }, w => w.ToWire().ToModel());

    [Fact]
    public void A_Service_arrives_whole() => Arrives(new ServiceInfo { Name = default }, s => s.ToWire().ToModel(), "].Node:", "].Zones", "].IsEnding:");

    [Fact]
    public void A_policy_arrives_whole() => Arrives(new PolicyInfo { Name = default }, p => p.ToWire().ToModel(), "].Protocol:");

    [Theory, InlineData(null), InlineData(TransportProtocol.Tcp), InlineData(TransportProtocol.Udp)]
    public void So_does_the_protocol_that_a_rule_is_about(TransportProtocol? protocol) => Assert.Equal(protocol, Arrived(new PolicyDestination { Protocol = protocol }).Protocol);

    [Fact]
    public void Conditions_on_requests_are_about_TCP_and_refused_by_nodes_that_do_not_know_them()
    {
        PolicyInfo policy = Of(new PolicyDestination { Protocol = TransportProtocol.Tcp, Request = new RequestConditions { Methods = ["GET"] } });
        Assert.Equal(TransportProtocol.Tcp, policy.ToWire().ToModel().Rules[0].To[0].Protocol);
        Assert.Equal(262, (int)policy.ToWire().Rules[0].To[0].Protocol); // no protocol that there is
        var without = policy.ToWire();
        without.Rules[0].To[0].Request = null;
        Assert.Throws<FormatException>(() => without.ToModel());
    }

    [Fact]
    public void Conditions_on_tokens_are_refused_by_nodes_that_do_not_know_them()
    {
        PolicyRule rule = new() { To = [new PolicyDestination { Protocol = TransportProtocol.Tcp }], When = [new ClaimCondition { Path = ["a"], Values = [StringPattern.Parse("b")] }] };
        PolicyInfo policy = new() { Name = new("a", "b"), Rules = [rule, rule with { When = [], From = [new PolicySource { Token = new TokenConditions { Principals = [StringPattern.Parse("*")] } }] }] };
        Assert.Equal(policy, policy.ToWire().ToModel());
        Assert.All(policy.ToWire().Rules, r => Assert.Equal(518, (int)r.To[0].Protocol)); // no protocol that there is
        var without = policy.ToWire();
        without.Rules[0].When.Clear();
        Assert.Throws<FormatException>(() => without.ToModel());
    }

    [Fact]
    public void What_is_said_of_tokens_arrives_whole() => Arrives(new RequestAuthenticationInfo { Name = default }, a => a.ToWire().ToModel());

    [Fact]
    public void Keys_that_the_controller_does_not_know_stay_those_of_before()
    {
        JwtRule rule = ModelSample.Of<JwtRule>();
        RequestAuthenticationInfo known = new() { Name = new("a", "b"), Rules = [rule] };
        NodeSnapshot before = SnapshotMapping.Apply(new NodeSnapshot(), "n", new NodeSnapshot { RequestAuthentications = new NodeSnapshot().RequestAuthentications.Add(known.Name, known) }.ToFullResponse("e"));
        Assert.Equal(rule, Next(rule with { UriKeys = [] }));
        Assert.Empty(Next(rule with { UriKeys = [], KeysUri = "https://other" }).UriKeys);
        Assert.Empty(Next(rule with { UriKeys = [], Issuer = "other" }).UriKeys);

        // What the object says itself is the controller's to say, with and without those of the URL.
        Assert.Equal(rule with { Keys = [] }, Next(rule with { Keys = [], UriKeys = [] }));
        Assert.Equal(rule with { Keys = [] }, Next(rule with { Keys = [] }));

        JwtRule Next(JwtRule told) => SnapshotMapping.Apply(before, "n", new NodeSnapshot { RequestAuthentications = before.RequestAuthentications.SetItem(known.Name, known with { Rules = [told] }) }.ToFullResponse("f")).RequestAuthentications[known.Name].Rules[0];
    }

    [Fact]
    public void A_NetworkPolicy_arrives_whole() => Arrives(new NetworkPolicyInfo { Name = default }, p => p.ToWire().ToModel());

    [Fact]
    public void A_route_of_requests_arrives_whole() => Arrives(new HttpRouteInfo { Name = default }, r => r.ToWire().ToModel());

    [Fact]
    public void The_settings_of_the_mesh_arrive_whole() => Arrives(new MeshSettings(), m => m.ToWire().ToModel());

    [Fact]
    public void A_node_arrives_whole() => Arrives(new NodeInfo("", []), n => n.ToWire().ToModel());

    private static PolicyInfo Of(PolicyDestination destination) => new() { Name = new("a", "b"), Rules = [new PolicyRule { To = [destination] }] };

    private static PolicyDestination Arrived(PolicyDestination destination) => Of(destination).ToWire().ToModel().Rules[0].To[0];

    // Of a backend, where it is and whom it is for is the controller's own.
    private static void Arrives<T>(T empty, Func<T, T> there, params string[] kept)
        where T : notnull
    {
        var sent = ModelSample.Of<T>();
        var described = ModelSample.Describe(sent).ToArray();

        // What a field has by itself would arrive even if nobody sent it.
        Assert.Empty(described.Intersect(ModelSample.Describe(empty)));
        Assert.Equal(described.Where(IsTold), ModelSample.Describe(there(sent)).Where(IsTold));

        bool IsTold(string field) => !kept.Any(k => field.Contains(k, StringComparison.Ordinal));
    }
}
