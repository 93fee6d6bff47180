using System.Net;

namespace Culvert.Core.Tests;

/// <summary>Policy about tokens of requests.</summary>
[Trait("Category", "Attack")]
public sealed class TokenPolicyTests
{
    private static readonly JwtClaims Ann = SomeJwt.Claims("i", "ann", "web", "ops"), Bob = SomeJwt.Claims("i", "bob", "db");

    [Theory]
    [InlineData(PolicyAction.Allow, true, false, false)]
    [InlineData(PolicyAction.Deny, false, true, true)]
    public void Of_principals_one_must_be_named(PolicyAction action, bool ann, bool bob, bool nobody) =>
        Asks(new PolicyRule { From = [new PolicySource { Token = new() { Principals = Given.Patterns("i/ann") } }], To = [Tcp] }, action, ann, bob, nobody);

    [Theory]
    [InlineData(PolicyAction.Allow, false, true, false)] // who is nobody is not allowed for not being ann
    [InlineData(PolicyAction.Deny, true, false, false)]
    public void Of_others_none_may_be(PolicyAction action, bool ann, bool bob, bool nobody) =>
        Asks(new PolicyRule { From = [new PolicySource { Token = new() { NotPrincipals = Given.Patterns("*/ann") } }], To = [Tcp] }, action, ann, bob, nobody);

    [Theory]
    [InlineData(PolicyAction.Allow, true, false, false)]
    [InlineData(PolicyAction.Deny, false, true, true)]
    public void Of_a_claim_with_several_texts_one_is_enough(PolicyAction action, bool ann, bool bob, bool nobody) =>
        Asks(new PolicyRule { When = [new() { Path = ["teams"], Values = Given.Patterns("op*") }], To = [Tcp] }, action, ann, bob, nobody);

    [Theory]
    [InlineData(PolicyAction.Allow, false, true, false)]
    [InlineData(PolicyAction.Deny, true, false, false)]
    public void Of_what_it_may_not_have_none_is_there(PolicyAction action, bool ann, bool bob, bool nobody) =>
        Asks(new PolicyRule { When = [new() { Path = ["in", "team"], NotValues = Given.Patterns("web") }], To = [Tcp] }, action, ann, bob, nobody);

    [Fact]
    public void Where_nobody_reads_requests_nothing_is_allowed_by_tokens_and_all_is_denied()
    {
        PolicyRule rule = new() { From = [new PolicySource { Token = new() { Principals = Given.Patterns("*") } }], To = [Tcp] };
        foreach ((PolicyAction action, bool isRead, bool isAllowed) in new[] { (PolicyAction.Allow, false, false), (PolicyAction.Allow, true, true), (PolicyAction.Deny, false, false), (PolicyAction.Deny, true, true) })
        {
            (NodeSnapshot snapshot, WorkloadInfo web) = World(rule, action);
            Assert.Equal(isAllowed, PolicyEvaluator.Evaluate(snapshot, Connection(web) with { IsRead = isRead }).IsAllowed);
            Assert.Equal(action == PolicyAction.Deny, PolicyEvaluator.Evaluate(snapshot, Connection(web) with { Protocol = TransportProtocol.Udp }).IsAllowed);
        }
    }

    [Fact]
    public void Tokens_and_policy_about_them_need_the_proxy()
    {
        WorkloadInfo web = Given.Workload("web", "10.0.0.1", "shop/p") with { ApplicationPorts = [new(80, "http"), new(83, "redis")] };
        NodeSnapshot byPolicy = Given.Snapshot(new(), [Given.Policy("shop/p", PolicyAction.Deny, new PolicyRule { To = [Tcp], When = [new() { Path = ["a"], Values = Given.Patterns("b") }] })], web);
        Assert.Equal([80], new RequestPorts(byPolicy).Of(web));
        WorkloadInfo asking = web with { PolicyNames = [], RequestAuthenticationNames = [new("shop", "jwt")] };
        NodeSnapshot byTokens = Given.Snapshot(new(), [], asking);
        Assert.Equal([80], new RequestPorts(byTokens).Of(asking));
    }

    [Fact]
    public void Where_only_tokens_are_looked_at_requests_without_one_pass()
    {
        WorkloadInfo web = Given.Workload("web", "10.0.0.1") with { RequestAuthenticationNames = [new("shop", "jwt")] };
        NodeSnapshot snapshot = Given.Snapshot(new(), [], web);
        snapshot = snapshot with { RequestAuthentications = snapshot.RequestAuthentications.Add(new("shop", "jwt"), new() { Name = new("shop", "jwt"), Rules = [SomeJwt.Rule()] }) };
        RequestRules rules = RequestRules.Of(snapshot, Connection(web))!;
        Assert.NotNull(rules.Authentication);
        Assert.True(rules.Decide(new SomeRequest("GET", "shop", "/").Head).IsAllowed);
    }

    private static PolicyDestination Tcp => new() { Protocol = TransportProtocol.Tcp };

    private static void Asks(PolicyRule rule, PolicyAction action, bool ann, bool bob, bool nobody)
    {
        (NodeSnapshot snapshot, WorkloadInfo web) = World(rule, action);
        RequestRules rules = RequestRules.Of(snapshot, Connection(web))!;
        foreach ((JwtClaims? token, bool isAllowed) in new[] { (Ann, ann), (Bob, bob), (null, nobody) })
        {
            SomeRequest request = new("GET", "shop", "/") { Token = token };
            Assert.Equal(isAllowed, rules.Decide(request.Head).IsAllowed);
            Assert.Equal(isAllowed, PolicyEvaluator.Evaluate(snapshot, Connection(web), request.Head).IsAllowed);
        }
    }

    private static (NodeSnapshot Snapshot, WorkloadInfo Web) World(PolicyRule rule, PolicyAction action)
    {
        WorkloadInfo web = Given.Workload("web", "10.0.0.1", "shop/p");
        return (Given.Snapshot(new(), [Given.Policy("shop/p", action, rule)], web), web);
    }

    private static ConnectionRequest Connection(WorkloadInfo destination) => new()
    {
        SourceAddress = IPAddress.Parse("10.0.0.9"),
        SourceWorkload = null,
        Destination = destination,
        Port = 80,
        Protocol = TransportProtocol.Tcp,
        Authenticated = false,
        IsRead = true,
    };
}
