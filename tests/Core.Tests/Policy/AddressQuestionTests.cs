using System.Net;

namespace Culvert.Core.Tests;

/// <summary>Whether policy asks for the address that somebody comes from: where it is said not to, no address makes a difference.</summary>
public sealed class AddressQuestionTests
{
    private static readonly string[] Addresses = ["10.0.0.4", "10.0.0.5", "10.0.0.200", "10.1.2.3", "10.9.9.9", "192.0.2.1", "198.51.100.1", "fd00::5", "fd00:1::1", "2001:db8::1"];

    [Fact]
    public void WhereNoneIsAskedForAllDecideTheSame()
    {
        int asked = 0, unasked = 0;
        RandomWorld worlds = new(41);
        for (int i = 0; i < 2000; i++)
        {
            NodeSnapshot snapshot = worlds.Next();
            WorkloadInfo destination = snapshot.Workloads.Values.OrderBy(w => w.Uid, StringComparer.Ordinal).First();
            ConnectionRequest request = worlds.Request(snapshot, destination) with { IsRead = i % 2 == 0 };
            if (i % 3 == 0) request = request with { SourceIdentity = SpiffeId.Parse("spiffe://other/ns/a/sa/s1"), Authenticated = true };
            bool isAsked = PolicyEvaluator.AsksForAddress(snapshot, request);
            if (isAsked) asked++;
            else unasked++;
            Decision[] decisions = [.. Addresses.Select(IPAddress.Parse).Where(a => !destination.Addresses.Contains(a)).Select(a => PolicyEvaluator.Evaluate(snapshot, request with { SourceAddress = a, SourceWorkload = new SnapshotIndex(snapshot).FindWorkload(a) }))];
            if (!isAsked) Assert.Single(decisions.Select(d => (d.Verdict, d.Reason, d.Policy, d.RuleIndex, string.Join(' ', d.AuditPolicies))).Distinct());
        }

        Assert.True(asked > 200 && unasked > 200, $"{asked} asked for an address, {unasked} did not");
    }

    [Theory]
    [InlineData(80, "partner.example/ns/shop/sa/cart", true)]
    [InlineData(81, "partner.example/ns/shop/sa/cart", false)] // another port
    [InlineData(80, "other.example/ns/shop/sa/cart", false)] // another identity
    [InlineData(80, null, false)]
    public void OnlyWhatMayBeMeantIsAskedFor(int port, string? from, bool isAsked)
    {
        WorkloadInfo web = Given.Workload("web", "10.0.0.1", "shop/p");
        PolicySource office = new() { Identities = Given.Identities("spiffe://partner.example/*"), NotIpBlocks = Given.Blocks("10.9.0.0/16") };
        NodeSnapshot mesh = Given.Snapshot(new(), [Given.Policy("shop/p", PolicyAction.Allow, Given.Rule(office, new() { Ports = [80] }))], web);
        ConnectionRequest request = new()
        {
            SourceIdentity = from is null ? null : SpiffeId.Parse($"spiffe://{from}"),
            SourceAddress = IPAddress.Any,
            SourceWorkload = null,
            Destination = web,
            Port = (ushort)port,
            Protocol = TransportProtocol.Tcp,
            Authenticated = from is not null,
        };
        Assert.Equal(isAsked, PolicyEvaluator.AsksForAddress(mesh, request));
    }
}
