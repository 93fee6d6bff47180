using Culvert.Core;
using Culvert.NodeAgent.Admin;
using Culvert.NodeAgent.Tests.Datapath;
using Wire = Culvert.Protocol.V1;

namespace Culvert.NodeAgent.Tests.Admin;

public sealed class ExplainerTests
{
    private static readonly WorkloadInfo Client = TestMesh.Workload("client", "n1", "10.0.0.1");

    [Fact]
    public void AWorkloadThatAsksForHeadersIsReachedByTheProxyEvenOnItsNode()
    {
        WorkloadInfo web = TestMesh.Workload("web", "n1", "10.0.0.2") with { ProxyProtocolPorts = [new(80, TransportProtocol.Tcp), new(81, TransportProtocol.Tcp)], BareProxyProtocolPorts = [new(81, TransportProtocol.Tcp)] };
        Wire.ExplainResponse answer = Explain(web, "10.0.0.1", 80);
        Assert.Equal((Wire.Verdict.Allow, Wire.FlowPath.Proxy), (answer.Verdict, answer.Path));
        Assert.Contains(answer.Steps, s => s.Contains("by that node's proxy", StringComparison.Ordinal));
        Assert.Contains(answer.Steps, s => s.Contains("PROXY protocol v2 header", StringComparison.Ordinal) && s.Contains("identity", StringComparison.Ordinal));
        Assert.Contains(Explain(web, "10.0.0.1", 81).Steps, s => s.EndsWith("addresses only", StringComparison.Ordinal));
        Assert.DoesNotContain(Explain(web, "10.0.0.1", 82).Steps, s => s.Contains("header", StringComparison.Ordinal));
    }

    [Fact]
    public void APortOfLoadBalancersRefusesOthers()
    {
        WorkloadInfo web = TestMesh.Workload("web", "n1", "10.0.0.2") with { TrustedProxies = [new([new(443, TransportProtocol.Tcp)], [IpPrefix.Parse("192.0.2.0/24")])] };
        Wire.ExplainResponse stranger = Explain(web, "10.0.0.1", 443), balancer = Explain(web, "192.0.2.1", 443);
        Assert.Equal((Wire.Verdict.Deny, "proxy-protocol-untrusted"), (stranger.Verdict, stranger.Reason));
        Assert.Equal((Wire.Verdict.Allow, Wire.FlowPath.Passthrough), (balancer.Verdict, balancer.Path));
        Assert.Contains(balancer.Steps, s => s.Contains("from 192.0.2.0/24", StringComparison.Ordinal));
        Assert.Equal(Wire.Verdict.Allow, Explain(web, "10.0.0.1", 80).Verdict);
    }

    [Fact]
    public void AUdpPortSaysHowItsBackendIsChosen()
    {
        WorkloadInfo dns = TestMesh.Workload("dns", "n1", "10.0.0.2");
        ServiceInfo service = TestMesh.Service("dns", "10.96.0.1", TestMesh.Backend("shop/dns", "10.0.0.2"));
        service = service with { Ports = [service.Ports[0] with { Port = 53, Protocol = TransportProtocol.Udp, LoadBalancing = LoadBalancing.SourceHash }] };
        Wire.ExplainResponse answer = Explainer.Explain(
            new SnapshotIndex(TestMesh.Snapshot([Client, dns], services: [service])),
            new() { Source = "shop/client", Destination = "shop/dns", Port = 53, Protocol = Wire.TransportProtocol.Udp });
        Assert.Equal(Wire.FlowPath.Proxy, answer.Path);
        Assert.Contains(answer.Steps, s => s.Contains("each client always goes to the same one", StringComparison.Ordinal));
    }

    private static Wire.ExplainResponse Explain(WorkloadInfo web, string source, uint port) => Explainer.Explain(
        new SnapshotIndex(TestMesh.Snapshot([Client, web])),
        new() { Source = source, Destination = "shop/web", Port = port, Protocol = Wire.TransportProtocol.Tcp });
}
