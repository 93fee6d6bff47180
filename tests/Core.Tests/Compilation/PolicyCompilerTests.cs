using System.Collections.Immutable;
using System.Net;

namespace Culvert.Core.Tests;

public sealed class PolicyCompilerTests
{
    [Fact]
    public void LookUpAgreesWithTheOracle()
    {
        int compared = 0, allowed = 0;
        var ids = new PolicyIds();
        for (int seed = 0; seed < 1500; seed++)
        {
            var world = new RandomWorld(seed);
            NodeSnapshot snapshot = world.Next();
            CompiledPolicy compiled = PolicyCompiler.Compile(snapshot, snapshot.Workloads.Keys.ToHashSet(), ids);
            var table = new PolicyTable(compiled);
            foreach (WorkloadInfo destination in snapshot.LocalWorkloads())
            {
                for (int i = 0; i < 20; i++)
                {
                    ConnectionRequest request = world.Request(snapshot, destination);
                    // The kernel lets a pod reach itself before it asks.
                    if (destination.Addresses.Contains(request.SourceAddress)) continue;
                    Decision expected = PolicyEvaluator.Evaluate(snapshot, request);
                    uint source = table.Classify(request.SourceAddress, request.Authenticated);
                    PolicyEntry? actual = table.Find(compiled.TargetPolicySetIds[destination.Uid], source, request.Port, request.Protocol);
                    Assert.True(actual.HasValue, $"seed {seed}: no entry for {destination.Uid}");
                    string message = $"seed {seed}: {request} expected {expected}, found {actual}";
                    Assert.True(actual.Value.Verdict == expected.Verdict && actual.Value.Reason == expected.Reason, message);
                    Assert.True(actual.Value.Audit == !expected.AuditPolicies.IsEmpty, message);
                    CompiledRule? rule = compiled.Rules.GetValueOrDefault(actual.Value.RuleId);
                    Assert.True(rule is null ? expected.RuleIndex < 0 && expected.Policy is not { Kind: PolicyKind.NetworkPolicy } : rule.Policy == expected.Policy && rule.RuleIndex == expected.RuleIndex, message);
                    compared++;
                    if (expected.IsAllowed) allowed++;
                }
            }
        }
        Assert.InRange(compared, 50_000, 1_000_000);
        Assert.InRange(allowed, compared / 10, compared * 9 / 10);
    }

    [Fact]
    public void LookUpOfWhatGoesOutAgreesWithTheOracle()
    {
        int compared = 0, denied = 0, allowedByRule = 0;
        var ids = new PolicyIds();
        for (int seed = 0; seed < 1500; seed++)
        {
            var world = new RandomWorld(seed);
            NodeSnapshot snapshot = world.Next();
            CompiledPolicy compiled = PolicyCompiler.Compile(snapshot, snapshot.Workloads.Keys.ToHashSet(), ids);
            var table = new PolicyTable(compiled);
            foreach (WorkloadInfo source in snapshot.LocalWorkloads())
            {
                for (int i = 0; i < 20; i++)
                {
                    EgressRequest request = world.EgressRequest(snapshot, source);
                    // The kernel lets a pod reach itself before it asks.
                    if (source.Addresses.Contains(request.DestinationAddress)) continue;
                    Decision expected = PolicyEvaluator.EvaluateEgress(snapshot, request);
                    string message = $"seed {seed}: {request} expected {expected}";
                    if (!compiled.EgressPolicySetIds.TryGetValue(source.Uid, out uint set))
                    {
                        Assert.True(expected == new Decision(Verdict.Allow, DecisionReason.AllowedByDefault), message);
                        continue;
                    }
                    PolicyEntry? actual = table.Find(set, table.Classify(request.DestinationAddress, authenticated: compared % 2 == 0), request.Port, request.Protocol);
                    Assert.True(actual is { } found && found.Verdict == expected.Verdict && found.Reason == expected.Reason && found.Audit == !expected.AuditPolicies.IsEmpty, $"{message}, found {actual}");
                    CompiledRule? rule = compiled.Rules.GetValueOrDefault(actual.Value.RuleId);
                    Assert.True(rule?.Policy == expected.Policy && (rule?.RuleIndex ?? -1) == expected.RuleIndex, message);
                    compared++;
                    if (!expected.IsAllowed) denied++;
                    else if (expected.RuleIndex >= 0) allowedByRule++;
                }
            }
        }
        Assert.InRange(compared, 10_000, 1_000_000);
        Assert.InRange(denied, compared / 10, compared * 9 / 10);
        Assert.InRange(allowedByRule, compared / 20, compared * 9 / 10);
    }

    [Fact]
    public void NoEntryRepeatsItsFallback()
    {
        for (int seed = 0; seed < 200; seed++)
        {
            NodeSnapshot snapshot = new RandomWorld(seed).Next();
            CompiledPolicy compiled = PolicyCompiler.Compile(snapshot, snapshot.Workloads.Keys.ToHashSet(), new PolicyIds());
            Assert.Equal(compiled.Entries.Length, compiled.Entries.Select(e => (e.PolicySetId, e.ClassId, e.Ports, e.Protocol)).Distinct().Count());
            foreach (PolicyEntry entry in compiled.Entries.Where(e => e.ClassId != PolicyEntry.AnyClass || e.Ports != PortPrefix.Any))
            {
                var without = new PolicyTable(compiled with { Entries = compiled.Entries.Remove(entry) });
                PolicyEntry fallback = without.Find(entry.PolicySetId, entry.ClassId, entry.Ports.Value, entry.Protocol)!.Value;
                Assert.NotEqual((entry.Verdict, entry.Audit, entry.Reason, entry.RuleId), (fallback.Verdict, fallback.Audit, fallback.Reason, fallback.RuleId));
            }
        }
    }

    [Fact]
    public void NumbersStayOverRecompilationAndRestart()
    {
        var ids = new PolicyIds();
        NodeSnapshot snapshot = new RandomWorld(7).Next();
        CompiledPolicy first = PolicyCompiler.Compile(snapshot, snapshot.Workloads.Keys.ToHashSet(), ids);
        PolicyCompiler.Compile(new RandomWorld(8).Next(), new HashSet<string>(), ids);
        CompiledPolicy second = PolicyCompiler.Compile(snapshot, snapshot.Workloads.Keys.ToHashSet(), PolicyIds.Parse(ids.Serialize()));
        Assert.Equal(first.Entries, second.Entries);
        Assert.Equal(first.AddressClasses, second.AddressClasses);
    }

    [Fact]
    public void TargetPolicySetsAreSharedAndChangeWithTheirPolicies()
    {
        var ids = new PolicyIds();
        PolicyInfo policy = Given.Policy("shop/p", PolicyAction.Allow, Given.Rule());
        WorkloadInfo a = Given.Workload("a", "10.0.0.1", "shop/p"), b = Given.Workload("b", "10.0.0.2", "shop/p"), c = Given.Workload("c", "10.0.0.3");
        HashSet<string> local = ["shop/a", "shop/b", "shop/c", "shop/unknown"];
        var before = PolicyCompiler.Compile(Given.Snapshot(new(), [policy], a, b, c), local, ids).TargetPolicySetIds;
        Assert.Equal(before["shop/a"], before["shop/b"]);
        Assert.NotEqual(before["shop/a"], before["shop/c"]);
        Assert.Equal(3, before.Count);
        var moved = PolicyCompiler.Compile(Given.Snapshot(new(), [policy with { SourceReference = "x:1" }], a, b, c), local, ids).TargetPolicySetIds;
        Assert.Equal(before["shop/a"], moved["shop/a"]);
        var after = PolicyCompiler.Compile(Given.Snapshot(new(), [policy with { Action = PolicyAction.Deny }], a, b, c), local, ids).TargetPolicySetIds;
        Assert.NotEqual(before["shop/a"], after["shop/a"]);
        Assert.Equal(before["shop/c"], after["shop/c"]);
    }

    [Fact]
    public void WhatTakesMostOfTooLittleRoomRefusesAllAndLeavesTheOthersTheirs()
    {
        NetworkPolicyRule blocks = new() { Peers = [.. Enumerable.Range(0, 100).Select(i => new NetworkPolicyPeer { Block = IpPrefix.Parse($"192.0.2.{2 * i}/32") })] };
        NetworkPolicyInfo large = new() { Name = new("greedy", "large"), IsolatesIngress = true, Ingress = [blocks] }, small = new() { Name = new("shop", "small"), IsolatesIngress = true, Ingress = [new() { Peers = [blocks.Peers[1]] }] };
        NodeSnapshot snapshot = new()
        {
            Version = 1,
            Node = "n",
            NetworkPolicies = new[] { large, small }.ToImmutableDictionary(p => p.Name),
            Workloads = new[] { Workload("greedy", large), Workload("shop", small) }.ToImmutableDictionary(w => w.Uid),
        };
        CompiledPolicy all = Compile(int.MaxValue), cut = Compile(100);
        Assert.Empty(all.Closed);
        Assert.True(all.Entries.Length > 100);
        Assert.Equal([new ClosedPolicy("greedy/web", PolicyDirection.Ingress)], cut.Closed);
        Assert.InRange(cut.Entries.Length, 1, 100);
        foreach (string address in new[] { "192.0.2.2", "192.0.2.3" })
        {
            Assert.Equal((Verdict.Deny, DecisionReason.NetworkPolicyIngress), Find(cut, "greedy/web", address));
            Assert.Equal(Find(all, "shop/web", address), Find(cut, "shop/web", address));
        }
        Assert.Equal(Verdict.Allow, Find(cut, "shop/web", "192.0.2.2").Verdict);

        CompiledPolicy Compile(int most) => PolicyCompiler.Compile(snapshot, snapshot.Workloads.Keys.ToHashSet(), new PolicyIds(), most);

        static (Verdict Verdict, DecisionReason) Find(CompiledPolicy policy, string workload, string address)
        {
            PolicyTable table = new(policy);
            PolicyEntry found = table.Find(policy.TargetPolicySetIds[workload], table.Classify(IPAddress.Parse(address), authenticated: false), 80, TransportProtocol.Tcp)!.Value;
            return (found.Verdict, found.Reason);
        }

        static WorkloadInfo Workload(string ns, NetworkPolicyInfo policy) => new()
        {
            Uid = $"{ns}/web",
            Name = new(ns, "web"),
            ServiceAccount = "web",
            Identity = SpiffeId.ForServiceAccount("cluster.local", ns, "web"),
            Node = "n",
            Addresses = [IPAddress.Parse(ns == "shop" ? "10.0.0.1" : "10.0.0.2")],
            NetworkPolicyNames = [policy.Name],
        };
    }

    [Fact]
    public void SharedAddressesProveNothing()
    {
        WorkloadInfo a = Given.Workload("a", "10.0.0.1"), b = Given.Workload("b", "10.0.0.1");
        CompiledPolicy compiled = PolicyCompiler.Compile(Given.Snapshot(new(), [], a, b), new HashSet<string>(), new PolicyIds());
        Assert.Equal(new AddressClass(IpPrefix.Host(IPAddress.Parse("10.0.0.1")), 0, 0), Assert.Single(compiled.AddressClasses));
    }
}
