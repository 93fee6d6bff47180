using System.Collections.Immutable;
using Culvert.Tests.Shared;

namespace Culvert.Core.Tests;

/// <summary>What compiling costs. Alone: a thread that allocates collects the garbage of all, and other tests' counts as its own.</summary>
[Collection(AloneCollection.Name)]
public sealed class PolicyCompilerCostTests
{
    // Measured: 2.4 to 6.7 and 190 to 270, as far as the runtime has compiled it by then.
    private const double MostForAThousandWorkloads = 25;
    private const double MostForThousandsOfPeers = 1000;

    [Fact]
    public void AThousandWorkloadsAndAHundredPoliciesCompileFast()
    {
        PolicyInfo[] policies = [.. Enumerable.Range(0, 100).Select(i => Given.Policy($"shop/p{i:d3}", (PolicyAction)(i % 3), Given.Rule(
            new() { Identities = Given.Identities($"td/ns/shop/sa/w{i * 3}", $"td/ns/shop/sa/w{i * 3 + 1}"), NotIpBlocks = Given.Blocks($"10.{i}.0.0/16") },
            new() { Ports = [80, (ushort)(8000 + i)] })))];
        WorkloadInfo[] workloads = [.. Enumerable.Range(0, 1000).Select(i => Given.Workload("w" + i, $"10.{i / 250}.{i % 250}.1", policies.Where((_, p) => (i + p) % 50 == 0).Select(p => p.Name.ToString()).ToArray()) with
        {
            MtlsMode = MtlsMode.Strict,
            Node = i < 200 ? "n1" : "n2",
        })];
        NodeSnapshot snapshot = Given.Snapshot(new(), policies, workloads);
        HashSet<string> local = [.. snapshot.LocalWorkloads().Select(w => w.Uid)];
        var ids = new PolicyIds();
        CompiledPolicy compiled = PolicyCompiler.Compile(snapshot, local, ids);
        double best = Enumerable.Range(0, 20).Min(_ => ThreadClock.MeasureRelatively(() => PolicyCompiler.Compile(snapshot, local, ids)));
        TestContext.Current.TestOutputHelper?.WriteLine($"{compiled.Entries.Length} entries, {compiled.Classes.Count} classes, best {best}");
        Assert.Equal(200, compiled.TargetPolicySetIds.Count);
        Assert.InRange(compiled.Entries.Length, 1000, 20_000);
        Assert.True(best < MostForAThousandWorkloads, $"compiling costs {best} times the yardstick, {compiled.Entries.Length} entries");
    }

    [Fact]
    public void HundredsOfNetworkPoliciesOfOnePodWithThousandsOfPeersCompileFast()
    {
        NetworkPolicyInfo[] policies = [.. Enumerable.Range(0, 400).Select(i => new NetworkPolicyInfo
        {
            Name = new("shop", $"n{i:d3}"),
            IsolatesEgress = true,
            Egress = [new()
            {
                Peers = [.. Enumerable.Range(0, 10).Select(j => new NetworkPolicyPeer { Block = IpPrefix.Parse($"192.{i / 100}.{i % 100}.{j}/32") })],
                Ports = [.. Enumerable.Range(0, 3).Select(j => new NetworkPolicyPort(TransportProtocol.Tcp, (ushort)(1000 + (i * 150) + (j * 50)), (ushort)(1010 + (i * 150) + (j * 50))))],
            }],
        })];
        WorkloadInfo pod = Given.Workload("a", "10.0.0.1") with { NetworkPolicyNames = [.. policies.Select(p => p.Name)] };
        NodeSnapshot snapshot = Given.Snapshot(new(), [], pod) with { NetworkPolicies = policies.ToImmutableDictionary(p => p.Name) };
        CompiledPolicy? compiled = null;
        double cost = ThreadClock.MeasureRelatively(() => compiled = PolicyCompiler.Compile(snapshot, new HashSet<string> { pod.Uid }, new PolicyIds()));
        TestContext.Current.TestOutputHelper?.WriteLine($"{compiled!.Entries.Length} entries, {compiled.Classes.Count} classes, {cost} times the yardstick");
        Assert.Equal(4001, compiled!.Classes.Count);
        Assert.True(cost < MostForThousandsOfPeers, $"compiling costs {cost} times the yardstick");
    }
}
