using System.Net;
using Culvert.Core;

namespace Culvert.NodeAgent.Tests.Datapath;

/// <summary>Seeded random snapshots with overlapping policies.</summary>
internal static class RandomMesh
{
    private static readonly string[] Accounts = ["client", "web", "db", "batch"];

    internal static IPAddress Address(Random random) => new([10, (byte)random.Next(4), (byte)random.Next(3), (byte)random.Next(8)]);

    internal static NodeSnapshot Create(Random random)
    {
        PolicyInfo[] policies = [.. Enumerable.Range(0, random.Next(6)).Select(i => Policy(random, i))];
        Dictionary<string, WorkloadInfo> workloads = new(StringComparer.Ordinal);
        for (int i = 0; i < 8; i++)
        {
            string address = $"10.{random.Next(4)}.9.{i}";
            string[] selected = [.. policies.Where(_ => random.Next(2) == 0).Select(p => p.Name.Name)];
            WorkloadInfo w = TestMesh.Workload($"w{i}", i < 4 ? "n1" : "n2", address, Accounts[random.Next(Accounts.Length)], random.Next(4) == 0 ? MtlsMode.Strict : MtlsMode.Permissive, selected);
            workloads.Add(w.Uid, w);
        }
        return TestMesh.Snapshot(workloads.Values, policies, mesh: new MeshSettings { DefaultAction = random.Next(3) == 0 ? DefaultAction.Deny : DefaultAction.Allow });
    }

    private static PolicyInfo Policy(Random random, int index) => new()
    {
        Name = new NamespacedName("shop", $"p{index}"),
        Action = (PolicyAction)random.Next(3),
        Rules = [.. Enumerable.Range(0, random.Next(3)).Select(_ => new PolicyRule
        {
            From = [.. Enumerable.Range(0, random.Next(3)).Select(_ => Source(random))],
            To = random.Next(2) == 0 ? [] : [new PolicyDestination { Ports = [(ushort)random.Next(79, 84)], NotPorts = random.Next(3) == 0 ? [81] : [], Protocol = random.Next(3) == 0 ? TransportProtocol.Udp : null }],
        })],
    };

    private static PolicySource Source(Random random) => random.Next(4) switch
    {
        0 => new PolicySource { Identities = [StringPattern.Parse($"spiffe://cluster.local/ns/shop/sa/{Accounts[random.Next(Accounts.Length)]}")] },
        1 => new PolicySource { IpBlocks = [new IpPrefix(Address(random), random.Next(8, 33))], NotIpBlocks = random.Next(2) == 0 ? [new IpPrefix(Address(random), 24)] : [] },
        2 => new PolicySource { Namespaces = [StringPattern.Parse(random.Next(2) == 0 ? "shop" : "other")] },
        _ => new PolicySource { NotIdentities = [StringPattern.Parse("*/sa/web")] },
    };
}
