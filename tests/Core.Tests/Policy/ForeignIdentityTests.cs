using System.Net;

namespace Culvert.Core.Tests;

/// <summary>Identities of other trust domains: whatever was said before there were any lets none of them in.</summary>
[Trait("Category", "Attack")]
public sealed class ForeignIdentityTests
{
    private const string Foreign = "partner.example/ns/shop/sa/cart", Own = "td/ns/shop/sa/cart";

    [Theory]
    [InlineData(DefaultAction.Allow)]
    [InlineData(DefaultAction.Deny)]
    public void WithoutAPolicyTheyAreRefusedWhateverTheDefault(DefaultAction action)
    {
        WorkloadInfo web = Given.Workload("web", "10.0.0.1");
        NodeSnapshot mesh = Given.Snapshot(new() { DefaultAction = action }, [], web);
        Assert.Equal(new Decision(Verdict.Deny, DecisionReason.DeniedByDefault), Given.Decide(mesh, web, Foreign, "10.0.0.2", 80));
        foreach (string? from in new[] { Own, null }) Assert.Equal(action == DefaultAction.Allow, Given.Decide(mesh, web, from, "10.0.0.2", 80).IsAllowed);
    }

    [Theory]
    [InlineData("partner.example/ns/shop/sa/cart", true)]
    [InlineData("spiffe://partner.example/*", true)]
    [InlineData("spiffe://partner.example/ns/shop/*", true)]
    [InlineData("spiffe://partner.example/ns/pay/*", false)]
    [InlineData("partner.example/ns/shop/sa/other", false)]
    [InlineData("*", false)]
    [InlineData("*/ns/shop/sa/cart", false)]
    [InlineData("*://partner.example/ns/shop/sa/cart", false)]
    [InlineData("spiffe://*", false)]
    [InlineData("spiffe://partner*", false)]
    [InlineData("spiffe://partner.example*", false)]
    public void AnAllowRuleMeansThoseWhoseTrustDomainItNames(string pattern, bool isAllowed)
    {
        Expect(isAllowed, new PolicySource { Identities = Given.Identities(pattern) });
        Expect(isAllowed, new PolicySource { Identities = Given.Identities("*", pattern, "td/ns/shop/sa/cart") });
        Expect(false, new PolicySource { Identities = Given.Identities(pattern), NotIdentities = Given.Identities("*/sa/cart") });
    }

    [Fact]
    public void NeitherNegationsNorAddressesNorNothingMeanThem()
    {
        Expect(false, new PolicySource { NotIdentities = Given.Identities("td/ns/shop/sa/evil") });
        Expect(false, new PolicySource { NotNamespaces = Given.Patterns("pay") });
        Expect(false, new PolicySource { IpBlocks = Given.Blocks("10.0.0.0/8") });
        Expect(false, null);
    }

    [Theory]
    [InlineData(PolicyAction.Deny)]
    [InlineData(PolicyAction.Audit)]
    public void WhatIsRefusedOrReportedOfEverybodyIsOfThem(PolicyAction action)
    {
        WorkloadInfo web = Given.Workload("web", "10.0.0.1", "shop/all", "shop/theirs");
        PolicyInfo theirs = Given.Policy("shop/theirs", PolicyAction.Allow, Given.Rule(new() { Identities = Given.Identities("spiffe://partner.example/*") }));
        foreach (PolicySource? from in new PolicySource?[] { null, new() { Identities = Given.Identities("*") }, new() { NotIdentities = Given.Identities("td/ns/shop/sa/cart") } })
        {
            Decision decision = Given.Decide(Given.Snapshot(new(), [theirs, Given.Policy("shop/all", action, Given.Rule(from))], web), web, Foreign, "10.0.0.2", 80);
            Assert.Equal(action == PolicyAction.Audit, decision.IsAllowed);
            Assert.Equal(action == PolicyAction.Audit, !decision.AuditPolicies.IsEmpty);
        }
    }

    [Fact]
    public void TheKernelKnowsNoneOfThemByAnyNumberSoThatTheProxyAloneDecides()
    {
        WorkloadInfo web = Given.Workload("web", "10.0.0.1", "shop/theirs"), cart = Given.Workload("cart", "10.0.0.2");
        NodeSnapshot mesh = Given.Snapshot(new(), [Given.Policy("shop/theirs", PolicyAction.Allow, Given.Rule(new() { Identities = Given.Identities("spiffe://partner.example/*", "td/ns/shop/sa/cart") }))], web, cart) with
        {
            FederatedBundles = [new("partner.example", [new byte[] { 1 }])],
        };
        CompiledPolicy compiled = PolicyCompiler.Compile(mesh, mesh.Workloads.Keys.ToHashSet(), new PolicyIds());
        Assert.DoesNotContain(compiled.Classes.Values, c => c.Identity is { } id && id.TrustDomain != Given.TrustDomain);
        Assert.Contains(compiled.Classes.Values, c => c.Identity == cart.Identity);

        // Whatever comes from anywhere without the proxy is the world, which the rule does not mean.
        PolicyTable table = new(compiled);
        Assert.Equal(Verdict.Deny, table.Find(compiled.TargetPolicySetIds[web.Uid], table.Classify(IPAddress.Parse("192.0.2.1"), authenticated: true), 80, TransportProtocol.Tcp)!.Value.Verdict);
    }

    private static void Expect(bool isAllowed, PolicySource? from)
    {
        WorkloadInfo web = Given.Workload("web", "10.0.0.1", "shop/p");
        PolicyRule connection = Given.Rule(from), requests = Given.Rule(from, new() { Ports = [80], Request = new() { Methods = ["GET"] } });
        Assert.Equal(isAllowed, Given.Decide(Given.Snapshot(new(), [Given.Policy("shop/p", PolicyAction.Allow, connection)], web), web, Foreign, "10.0.0.2", 80).IsAllowed);

        // And so of requests.
        NodeSnapshot mesh = Given.Snapshot(new(), [Given.Policy("shop/p", PolicyAction.Allow, requests)], web);
        ConnectionRequest read = new() { SourceIdentity = SpiffeId.Parse("spiffe://" + Foreign), SourceAddress = IPAddress.Parse("10.0.0.2"), SourceWorkload = null, Destination = web, Port = 80, Protocol = TransportProtocol.Tcp, Authenticated = true, IsRead = true };
        SomeRequest get = new("GET", "web", "/", []);
        Assert.Equal(isAllowed, PolicyEvaluator.Evaluate(mesh, read).IsAllowed);
        Assert.Equal(isAllowed, PolicyEvaluator.Evaluate(mesh, read, get.Head).IsAllowed);
        Assert.Equal(isAllowed, RequestRules.Of(mesh, read)?.Decide(get.Head).IsAllowed == true);
    }
}
