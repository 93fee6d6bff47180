namespace Culvert.Core.Tests.Compilation;

/// <summary>Kernel entries are kept as long as the fingerprint of their policy is the same: every condition has to be in it.</summary>
public sealed class PolicyFingerprintTests
{
    public static TheoryData<string> Sources => [.. Altered.FieldsOf<PolicySource>()];

    public static TheoryData<string> Destinations => [.. Altered.FieldsOf<PolicyDestination>()];

    public static TheoryData<string> Requests => [.. Altered.FieldsOf<RequestConditions>()];

    [Theory, MemberData(nameof(Sources))]
    public void Every_condition_on_the_source_changes_it(string field)
    {
        PolicySource some = Altered.In(new PolicySource(), field);
        Assert.NotEqual(Of(new PolicyRule { From = [new PolicySource()] }), Of(new PolicyRule { From = [some] }));
        foreach (string other in Sources.Select(r => r.Data).Where(o => o != field))
            Assert.NotEqual(Of(new PolicyRule { From = [Altered.In(new PolicySource(), other)] }), Of(new PolicyRule { From = [some] }));
    }

    [Theory, MemberData(nameof(Destinations))]
    public void Every_condition_on_the_destination_changes_it(string field)
    {
        PolicyDestination some = Altered.In(new PolicyDestination(), field);
        Assert.NotEqual(Of(new PolicyRule { To = [new PolicyDestination()] }), Of(new PolicyRule { To = [some] }));
        foreach (string other in Destinations.Select(r => r.Data).Where(o => o != field))
            Assert.NotEqual(Of(new PolicyRule { To = [Altered.In(new PolicyDestination(), other)] }), Of(new PolicyRule { To = [some] }));
    }

    [Theory, MemberData(nameof(Requests))]
    public void Every_condition_on_requests_changes_it(string field)
    {
        Assert.NotEqual(OfRequest(new()), OfRequest(Altered.In(new RequestConditions(), field)));
        foreach (string other in Requests.Select(r => r.Data).Where(o => o != field))
            Assert.NotEqual(OfRequest(Altered.In(new RequestConditions(), other)), OfRequest(Altered.In(new RequestConditions(), field)));
    }

    [Fact]
    public void Every_condition_on_a_header_changes_it()
    {
        HeaderCondition plain = new() { Name = "x" };
        HeaderCondition[] all = [plain, plain with { Name = "y" }, plain with { Values = Given.Patterns("a") }, plain with { NotValues = Given.Patterns("a") }];
        Assert.Equal(all.Length, all.Select(h => OfRequest(new() { Headers = [h] })).Distinct().Count());
    }

    [Fact]
    public void Every_condition_on_tokens_changes_it()
    {
        PolicyRule[] all =
        [
            new(), .. new TokenConditions[] { new(), new() { Principals = Given.Patterns("a") }, new() { NotPrincipals = Given.Patterns("a") } }.Select(t => new PolicyRule { From = [new PolicySource { Token = t }] }),
            .. new ClaimCondition[] { new(), new() { Path = ["a"] }, new() { Path = ["a", "a"] }, new() { Values = Given.Patterns("a") }, new() { NotValues = Given.Patterns("a") } }.Select(c => new PolicyRule { When = [c] }),
        ];
        Assert.Equal(all.Length, all.Select(Of).Distinct().Count());
    }

    [Fact]
    public void Every_condition_of_a_NetworkPolicy_changes_it()
    {
        NetworkPolicyPeer group = new() { Group = "g" }, block = new() { Block = IpPrefix.Parse("10.0.0.0/8") };
        NetworkPolicyPort port = NetworkPolicyPort.Exactly(80, TransportProtocol.Tcp);
        NetworkPolicyInfo empty = new() { Name = new("a", "p") };
        NetworkPolicyInfo[] all =
        [
            empty, empty with { Name = new("a", "q") }, empty with { IsolatesIngress = true }, empty with { IsolatesEgress = true },
            .. new NetworkPolicyRule[]
            {
                new(), new() { Peers = [group] }, new() { Peers = [group with { Group = "h" }] }, new() { Peers = [block] }, new() { Peers = [block with { Except = [IpPrefix.Parse("10.1.0.0/16")] }] },
                new() { Ports = [port] }, new() { Ports = [port with { Protocol = TransportProtocol.Udp }] }, new() { Ports = [port with { Last = 81 }] }, new() { Ports = [port with { First = 79 }] },
                new() { Ports = [port with { Name = "web" }] }, new() { Peers = [group], Ports = [port] },
            }.SelectMany(r => new[] { empty with { Ingress = [r] }, empty with { Egress = [r] }, empty with { Ingress = [r, r] } }),
        ];
        Assert.Equal(all.Length, all.Select(PolicyFingerprint.Of).Distinct().Count());
        Assert.Equal(PolicyFingerprint.Of(empty), PolicyFingerprint.Of(empty with { SourceReference = "elsewhere.yaml:1" }));
    }

    [Fact]
    public void The_action_and_the_name_change_it()
    {
        PolicyInfo policy = Given.Policy("a/p", PolicyAction.Allow, new PolicyRule());
        Assert.NotEqual(PolicyFingerprint.Of(policy), PolicyFingerprint.Of(policy with { Action = PolicyAction.Audit }));
        Assert.NotEqual(PolicyFingerprint.Of(policy), PolicyFingerprint.Of(policy with { Name = new("other", "other") }));
    }

    private static string OfRequest(RequestConditions conditions) => Of(new PolicyRule { To = [new PolicyDestination { Request = conditions }] });

    private static string Of(PolicyRule rule) => PolicyFingerprint.Of(Given.Policy("a/p", PolicyAction.Allow, rule));
}
