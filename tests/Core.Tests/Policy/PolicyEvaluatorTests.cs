using System.Net;
using static Culvert.Core.Tests.Given;

namespace Culvert.Core.Tests;

public sealed class PolicyEvaluatorTests
{
    private const string Cart = "td/ns/shop/sa/cart";

    [Theory]
    [InlineData(DefaultAction.Allow, Verdict.Allow, DecisionReason.AllowedByDefault)]
    [InlineData(DefaultAction.Deny, Verdict.Deny, DecisionReason.DeniedByDefault)]
    public void WithoutPoliciesTheMeshDefaultHolds(DefaultAction action, Verdict verdict, DecisionReason reason)
    {
        WorkloadInfo web = Workload("web", "10.0.0.1");
        Decision d = Decide(Snapshot(new() { DefaultAction = action }, [], web), web, Cart, "10.0.0.2", 80);
        Assert.Equal((verdict, reason, null, -1), (d.Verdict, d.Reason, d.Policy, d.RuleIndex));
    }

    [Fact]
    public void ARuleForOneProtocolMatchesNothingOfTheOther()
    {
        PolicyInfo policy = Given.Policy("shop/udp", PolicyAction.Allow, Given.Rule(to: new() { Ports = [53], Protocol = TransportProtocol.Udp }));
        Assert.Equal(0, PolicyEvaluator.FindRule(policy, Given.TrustDomain, null, IPAddress.Loopback, 53, TransportProtocol.Udp));
        Assert.Equal(-1, PolicyEvaluator.FindRule(policy, Given.TrustDomain, null, IPAddress.Loopback, 53, TransportProtocol.Tcp));
    }

    [Fact]
    public void UnenrolledDestinationsAreOutsidePolicy()
    {
        WorkloadInfo web = Workload("web", "10.0.0.1", "shop/missing") with { Enrolled = false, MtlsMode = MtlsMode.Strict };
        Assert.Equal(DecisionReason.NotEnrolled, Decide(Snapshot(new(), [], web), web, null, "10.0.0.2", 80).Reason);
    }

    [Fact]
    public void StrictModeRefusesTheUnauthenticatedBeforeAnyPolicy()
    {
        WorkloadInfo web = Workload("web", "10.0.0.1", "shop/all") with { MtlsMode = MtlsMode.Strict };
        NodeSnapshot s = Snapshot(new(), [Policy("shop/all", PolicyAction.Allow, Rule())], web);
        Assert.Equal(DecisionReason.StrictMtls, Decide(s, web, null, "10.0.0.2", 80).Reason);
        Assert.Equal(DecisionReason.StrictMtls, Decide(s, web, Cart, "10.0.0.2", 80, authenticated: false).Reason);
        Assert.Equal(DecisionReason.AllowedByPolicy, Decide(s, web, Cart, "10.0.0.2", 80).Reason);
    }

    [Fact]
    public void DenyWinsOverAllowWhateverTheOrder()
    {
        PolicyInfo[] policies = [Policy("shop/a", PolicyAction.Allow, Rule()), Policy("shop/b", PolicyAction.Deny, Rule(to: new() { Ports = [1] }), Rule(to: new() { Ports = [81] }))];
        WorkloadInfo web = Workload("web", "10.0.0.1", "shop/a", "shop/b");
        NodeSnapshot s = Snapshot(new(), policies, web);
        Decision denied = Decide(s, web, Cart, "10.0.0.2", 81);
        Assert.Equal((DecisionReason.DeniedByPolicy, new NamespacedName("shop", "b"), 1), (denied.Reason, denied.Policy, denied.RuleIndex));
        Assert.Equal((DecisionReason.AllowedByPolicy, 0), (Decide(s, web, Cart, "10.0.0.2", 80).Reason, Decide(s, web, Cart, "10.0.0.2", 80).RuleIndex));
    }

    [Fact]
    public void AllowWithoutRulesMatchesNothing()
    {
        WorkloadInfo web = Workload("web", "10.0.0.1", "shop/none");
        NodeSnapshot s = Snapshot(new(), [Policy("shop/none", PolicyAction.Allow)], web);
        Assert.Equal(DecisionReason.NoAllowMatched, Decide(s, web, Cart, "10.0.0.2", 80).Reason);
    }

    [Fact]
    public void DenyWithoutRulesMatchesNothing()
    {
        WorkloadInfo web = Workload("web", "10.0.0.1", "shop/none");
        Assert.Equal(DecisionReason.AllowedByDefault, Decide(Snapshot(new(), [Policy("shop/none", PolicyAction.Deny)], web), web, Cart, "10.0.0.2", 80).Reason);
    }

    [Fact]
    public void AuditIsReportedAndChangesNothing()
    {
        WorkloadInfo web = Workload("web", "10.0.0.1", "shop/watch", "shop/watch2");
        NodeSnapshot s = Snapshot(new(), [Policy("shop/watch", PolicyAction.Audit, Rule()), Policy("shop/watch2", PolicyAction.Audit, Rule(to: new() { Ports = [9] }))], web);
        Decision d = Decide(s, web, Cart, "10.0.0.2", 80);
        Assert.Equal(DecisionReason.AllowedByDefault, d.Reason);
        Assert.Equal([new NamespacedName("shop", "watch")], d.AuditPolicies);
        Assert.Equal([new NamespacedName("shop", "watch")], Decide(s, web with { MtlsMode = MtlsMode.Strict }, null, "10.0.0.2", 80).AuditPolicies);
    }

    [Fact]
    public void MissingPolicyIsRefused()
    {
        WorkloadInfo web = Workload("web", "10.0.0.1", "shop/gone");
        Assert.Equal(DecisionReason.PolicyMissing, Decide(Snapshot(new(), [], web), web, Cart, "10.0.0.2", 80).Reason);
    }

    [Theory]
    [InlineData("td/ns/shop/sa/cart", true)]
    [InlineData("td/ns/other/sa/cart", false)]
    [InlineData("foreign/ns/shop/sa/cart", false)]
    public void NamespaceCountsWithinTheOwnTrustDomainOnly(string from, bool allowed) =>
        Assert.Equal(allowed, Allowed(new() { Namespaces = Patterns("shop") }, from, "10.0.0.2"));

    [Theory]
    [InlineData("td/ns/shop/sa/cart", true)]
    [InlineData("td/ns/shop/sa/evil", false)]
    [InlineData("td/ns/pay/sa/api", false)]
    public void NotIdentitiesExclude(string from, bool allowed) =>
        Assert.Equal(allowed, Allowed(new() { Identities = Identities("td/ns/shop/*"), NotIdentities = Identities("*/sa/evil") }, from, "10.0.0.2"));

    [Theory]
    [InlineData("10.0.0.2", true)]
    [InlineData("10.0.9.2", false)]
    [InlineData("192.0.2.1", false)]
    public void IpBlocksMatchTheUnauthenticatedToo(string address, bool allowed) =>
        Assert.Equal(allowed, Allowed(new() { IpBlocks = Blocks("10.0.0.0/16"), NotIpBlocks = Blocks("10.0.9.0/24") }, null, address));

    [Fact]
    public void TheUnauthenticatedIsNeverAllowedForNotBeingSomeone()
    {
        Assert.False(Allowed(new() { NotIdentities = Identities("td/ns/shop/sa/evil") }, null, "10.0.0.2"));
        Assert.False(Allowed(new() { NotNamespaces = Patterns("pay") }, null, "10.0.0.2"));
        Assert.False(Allowed(new() { Identities = Identities("*") }, null, "10.0.0.2"));
        Assert.True(Allowed(new(), null, "10.0.0.2"));
    }

    [Fact]
    public void DenyEverybodyButOneHitsTheUnauthenticated()
    {
        WorkloadInfo web = Workload("web", "10.0.0.1", "shop/only");
        NodeSnapshot s = Snapshot(new(), [Policy("shop/only", PolicyAction.Deny, Rule(new() { NotIdentities = Identities(Cart) }))], web);
        Assert.False(Decide(s, web, null, "10.0.0.2", 80).IsAllowed);
        Assert.False(Decide(s, web, "td/ns/shop/sa/other", "10.0.0.2", 80).IsAllowed);
        Assert.True(Decide(s, web, Cart, "10.0.0.2", 80).IsAllowed);
    }

    private static bool Allowed(PolicySource from, string? identity, string address)
    {
        WorkloadInfo web = Workload("web", "10.0.0.1", "shop/p");
        return Decide(Snapshot(new(), [Policy("shop/p", PolicyAction.Allow, Rule(from))], web), web, identity, address, 80).IsAllowed;
    }
}
