using System.Net;
using Culvert.Core;
using Culvert.Interop.Abi;
using Culvert.NodeAgent.Datapath;

namespace Culvert.NodeAgent.Tests.Datapath;

public sealed class GenerationBuilderTests
{
    private static readonly IPAddress NodeAddress = IPAddress.Parse("10.90.0.1");

    [Fact]
    public void LocalWorkloadsCarryTheirLinkAndRemoteOnesDoNot()
    {
        WorkloadInfo local = TestMesh.Workload("a", "n1", "10.0.0.1 fd00::1", mode: MtlsMode.Strict);
        WorkloadInfo remote = TestMesh.Workload("b", "n2", "10.0.0.2");
        KernelModel kernel = KernelModel.Build(TestMesh.Snapshot([local, remote]), [TestMesh.Endpoint(local, 7)], [NodeAddress]);

        foreach (string address in (string[])["10.0.0.1", "fd00::1"])
        {
            CvAddress found = kernel.FindAddress(IPAddress.Parse(address))!.Value;
            Assert.Equal(CvAddressFlag.Meshed | CvAddressFlag.Local | CvAddressFlag.Strict, (CvAddressFlag)found.Flags);
            Assert.Equal(7u, found.Ifindex);
            Assert.Equal(1500u, found.Mtu);
            Assert.Equal((byte)7, found.Mac[5]);
        }
        CvAddress other = kernel.FindAddress(IPAddress.Parse("10.0.0.2"))!.Value;
        Assert.Equal(CvAddressFlag.Meshed, (CvAddressFlag)other.Flags);
        Assert.Equal(0u, other.Ifindex);
        Assert.Equal(CvAddressFlag.Node, (CvAddressFlag)kernel.FindAddress(NodeAddress)!.Value.Flags);
        Assert.Null(kernel.FindAddress(IPAddress.Parse("192.0.2.1")));
    }

    [Theory, InlineData(DefaultAction.Allow, false), InlineData(DefaultAction.Deny, true)]
    public void EchoRequestsAreRefusedWhereTheMeshSaysSo(DefaultAction echo, bool refused)
    {
        WorkloadInfo local = TestMesh.Workload("a", "n1", "10.0.0.1");
        NodeSnapshot snapshot = TestMesh.Snapshot([local]);
        snapshot = snapshot with { Mesh = snapshot.Mesh with { IcmpEcho = echo } };
        Generation generation = GenerationBuilder.Build(1, snapshot, PolicyCompiler.Compile(snapshot, new HashSet<string> { local.Uid }, new PolicyIds()), [TestMesh.Endpoint(local, 7)], []);
        Assert.Equal(refused, ((CvEndpointFlag)generation.Endpoints.Values[0].Flags).HasFlag(CvEndpointFlag.NoEcho));
    }

    [Fact]
    public void AWorkloadOfThisNodeWithoutALinkIsMeshedButNotLocal()
    {
        WorkloadInfo pending = TestMesh.Workload("a", "n1", "10.0.0.1");
        KernelModel kernel = KernelModel.Build(TestMesh.Snapshot([pending]), [], []);
        Assert.Equal(CvAddressFlag.Meshed, (CvAddressFlag)kernel.FindAddress(IPAddress.Parse("10.0.0.1"))!.Value.Flags);
    }

    [Fact]
    public void WhatHasToDoWithProxyHeadersGoesToTheProxyEvenOnThisNode()
    {
        WorkloadInfo asks = TestMesh.Workload("a", "n1", "10.0.0.1") with { ProxyProtocolPorts = TransportPort.All };
        WorkloadInfo takes = TestMesh.Workload("b", "n1", "10.0.0.2") with { TrustedProxies = [new([new(443, TransportProtocol.Tcp)], [IpPrefix.Parse("192.0.2.0/24")])] };
        WorkloadInfo neither = TestMesh.Workload("c", "n1", "10.0.0.3");
        WorkloadInfo elsewhere = TestMesh.Workload("d", "n2", "10.0.0.4") with { ProxyProtocolPorts = TransportPort.All };
        KernelModel kernel = KernelModel.Build(
            TestMesh.Snapshot([asks, takes, neither, elsewhere]), [TestMesh.Endpoint(asks, 1), TestMesh.Endpoint(takes, 2), TestMesh.Endpoint(neither, 3)], []);
        bool Flagged(string address) => ((CvAddressFlag)kernel.FindAddress(IPAddress.Parse(address))!.Value.Flags).HasFlag(CvAddressFlag.Proxy);
        Assert.Equal((true, true, false, false), (Flagged("10.0.0.1"), Flagged("10.0.0.2"), Flagged("10.0.0.3"), Flagged("10.0.0.4")));
    }

    [Fact]
    public void APortWhoseRequestsPolicyAsksAboutIsBehindTheProxyAndWhatGoesPastItIsJudgedAsUnread()
    {
        PolicyInfo reads = new()
        {
            Name = new NamespacedName("shop", "reads"),
            Rules = [new PolicyRule { To = [new PolicyDestination { Protocol = TransportProtocol.Tcp, Ports = [80, 81], Request = new RequestConditions { Methods = ["GET"] } }, new PolicyDestination { Ports = [82] }] }],
        };
        WorkloadInfo web = TestMesh.Workload("web", "n1", "10.0.0.1") with { PolicyNames = [reads.Name], ApplicationPorts = [new(80, "http"), new(81, "smtp"), new(82, "http")] };
        KernelModel kernel = KernelModel.Build(TestMesh.Snapshot([web], [reads]), [TestMesh.Endpoint(web, 1)], []);
        Assert.Equal([(ushort)80], kernel.PortsBehindProxy());
        Assert.Equal([82], new ushort[] { 80, 81, 82 }.Where(port => kernel.Evaluate(IPAddress.Parse("10.0.0.9"), false, web.Addresses[0], port, (byte)TransportProtocol.Tcp).Verdict == (byte)CvVerdict.Pass));
    }

    [Fact]
    public void ServiceAddressesLeadToBackendsOfTheirOwnFamily()
    {
        WorkloadInfo web = TestMesh.Workload("web", "n1", "10.0.0.1 fd00::1");
        ServiceInfo service = TestMesh.Service("web", "10.96.0.1 fd96::1", TestMesh.Backend("shop/web", "10.0.0.1"), TestMesh.Backend("shop/web", "fd00::1"));
        KernelModel kernel = KernelModel.Build(TestMesh.Snapshot([web], services: [service]), [TestMesh.Endpoint(web, 3)], []);
        Assert.Equal(["10.0.0.1:8080"], kernel.Backends(IPAddress.Parse("10.96.0.1"), 80)!);
        Assert.Equal(["[fd00::1]:8080"], kernel.Backends(IPAddress.Parse("fd96::1"), 80)!);
        Assert.Null(kernel.Backends(IPAddress.Parse("10.96.0.1"), 81));
        Assert.True(((CvAddressFlag)kernel.FindAddress(IPAddress.Parse("fd96::1"))!.Value.Flags).HasFlag(CvAddressFlag.Service));
    }

    [Fact]
    public void AddressesInsideAPolicyPrefixInheritItsClass()
    {
        PolicyInfo policy = new()
        {
            Name = new NamespacedName("shop", "cidr"),
            Rules = [new PolicyRule { From = [new PolicySource { IpBlocks = [IpPrefix.Parse("10.90.0.0/16")] }] }],
        };
        WorkloadInfo web = TestMesh.Workload("web", "n1", "10.0.0.1", policies: "cidr");
        KernelModel kernel = KernelModel.Build(TestMesh.Snapshot([web], [policy]), [TestMesh.Endpoint(web, 3)], [NodeAddress]);
        uint prefixClass = kernel.FindAddress(IPAddress.Parse("10.90.77.1"))!.Value.AnonClass;
        Assert.NotEqual(0u, prefixClass);
        Assert.Equal(prefixClass, kernel.FindAddress(NodeAddress)!.Value.AnonClass);
    }

    [Fact]
    public void ExcludedPrefixesAreMarkedWithAllTheyHold()
    {
        WorkloadInfo web = TestMesh.Workload("web", "n2", "10.5.0.1");
        KernelModel kernel = KernelModel.Build(TestMesh.Snapshot([web], mesh: new MeshSettings { ExcludedCidrs = [IpPrefix.Parse("10.5.0.0/24")] }), [], []);
        Assert.True(((CvAddressFlag)kernel.FindAddress(IPAddress.Parse("10.5.0.9"))!.Value.Flags).HasFlag(CvAddressFlag.Excluded));
        Assert.True(((CvAddressFlag)kernel.FindAddress(IPAddress.Parse("10.5.0.1"))!.Value.Flags).HasFlag(CvAddressFlag.Excluded));
    }

    [Fact]
    public void An_IPv6_prefix_does_not_speak_for_IPv4()
    {
        PolicyInfo v6 = new() { Name = new NamespacedName("shop", "v6"), Action = PolicyAction.Allow, Rules = [new() { From = [new() { IpBlocks = [IpPrefix.Parse("::/0")] }] }] };
        WorkloadInfo web = TestMesh.Workload("web", "n1", "10.5.0.1") with { PolicyNames = [v6.Name] };
        KernelModel kernel = KernelModel.Build(TestMesh.Snapshot([web], [v6]), [TestMesh.Endpoint(web, 2)], []);
        Assert.Equal(CvVerdict.Drop, (CvVerdict)kernel.Evaluate(IPAddress.Parse("192.0.2.1"), false, web.Addresses[0], 80, 6).Verdict);
        Assert.Equal(CvVerdict.Pass, (CvVerdict)kernel.Evaluate(IPAddress.Parse("2001:db8::1"), false, web.Addresses[0], 80, 6).Verdict);
    }

    [Fact]
    public void Both_addresses_of_a_workload_have_the_class_that_prefixes_give_them()
    {
        PolicyInfo v6 = new() { Name = new NamespacedName("shop", "v6"), Action = PolicyAction.Deny, Rules = [new() { From = [new() { IpBlocks = [IpPrefix.Parse("fd00::/16")] }] }] };
        WorkloadInfo web = TestMesh.Workload("web", "n1", "10.5.0.1") with { PolicyNames = [v6.Name], Addresses = [IPAddress.Parse("10.5.0.1"), IPAddress.Parse("fd00::1")] };
        NodeSnapshot snapshot = TestMesh.Snapshot([web], [v6]);
        LocalEndpoint endpoint = TestMesh.Endpoint(web, 2);
        CompiledPolicy policy = PolicyCompiler.Compile(snapshot, new HashSet<string> { web.Uid }, new PolicyIds());
        CvEndpoint written = GenerationBuilder.Build(1, snapshot, policy, [endpoint], []).Endpoints.Values[0];
        AddressClass[] known = [.. policy.AddressClasses.Where(a => web.Addresses.Contains(a.Prefix.Address))];
        Assert.Equal([written.SrcClass4, written.SrcClass6], known.Select(k => k.AuthenticatedClassId));
        Assert.NotEqual(written.SrcClass4, written.SrcClass6);
    }

    [Fact]
    public void TheKernelsTablesAnswerAsTheOracleDoes()
    {
        Random random = new(20);
        int denied = 0;
        for (int round = 0; round < 60; round++)
        {
            NodeSnapshot snapshot = RandomMesh.Create(random);
            // In an order that the seed decides alone: that of a dictionary by strings is another in each process.
            WorkloadInfo[] workloads = [.. snapshot.Workloads.Values.OrderBy(w => w.Uid, StringComparer.Ordinal)];
            LocalEndpoint[] endpoints = [.. snapshot.LocalWorkloads().OrderBy(w => w.Uid, StringComparer.Ordinal).Select((w, i) => TestMesh.Endpoint(w, i + 2))];
            KernelModel kernel = KernelModel.Build(snapshot, endpoints, [NodeAddress]);
            for (int i = 0; i < 100; i++)
            {
                WorkloadInfo destination = endpoints[random.Next(endpoints.Length)].Workload;
                bool fromWorkload = random.Next(3) > 0;
                WorkloadInfo? source = fromWorkload ? workloads[random.Next(workloads.Length)] : null;
                IPAddress address = source?.Addresses[0] ?? RandomMesh.Address(random);
                if (source is null && snapshot.Workloads.Values.Any(w => w.Addresses.Contains(address))) continue;
                bool authenticated = source is not null && random.Next(2) == 0;
                ushort port = (ushort)random.Next(79, 84);
                Decision expected = PolicyEvaluator.Evaluate(snapshot, new ConnectionRequest
                {
                    SourceIdentity = source?.Identity,
                    SourceAddress = address,
                    SourceWorkload = source,
                    Destination = destination,
                    Port = port,
                    Protocol = TransportProtocol.Tcp,
                    Authenticated = authenticated,
                });
                CvPolicy actual = kernel.Evaluate(address, authenticated, destination.Addresses[0], port, 6);
                Assert.Equal(expected.IsAllowed, (CvVerdict)actual.Verdict == CvVerdict.Pass);
                Assert.Equal(expected.IsAllowed ? CvReason.None : GenerationBuilder.ReasonOf(expected.Reason), (CvReason)actual.Reason);
                Assert.Equal(!expected.AuditPolicies.IsEmpty, actual.Audit == 1);
                if (!expected.IsAllowed) denied++;
            }
        }
        Assert.InRange(denied, 300, 5700); // both answers are really exercised
    }
}
