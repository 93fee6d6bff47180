using System.Net;

namespace Culvert.Core.Tests;

public sealed class TransportPortTests
{
    [Theory]
    [InlineData("80", 80, TransportProtocol.Tcp)]
    [InlineData("80/tcp", 80, TransportProtocol.Tcp)]
    [InlineData("53/UDP", 53, TransportProtocol.Udp)]
    [InlineData("65535/udp", 65535, TransportProtocol.Udp)]
    public void Parses(string text, int port, TransportProtocol protocol)
    {
        Assert.True(TransportPort.TryParse(text, out TransportPort parsed, out _));
        Assert.Equal(new((ushort)port, protocol), parsed);
    }

    [Theory]
    [InlineData("")]
    [InlineData(null)]
    [InlineData("0")]
    [InlineData("65536")]
    [InlineData("-1")]
    [InlineData("+1")]
    [InlineData("80/sctp")]
    [InlineData("80/")]
    [InlineData("/udp")]
    [InlineData("80/tcp/udp")]
    [InlineData(" 80")]
    public void RefusesWithTheReason(string? text)
    {
        Assert.False(TransportPort.TryParse(text, out _, out string? error));
        Assert.Equal($"'{text}' is not a port such as 80 or 53/udp", error);
    }

    [Fact]
    public void ZeroCoversEveryPortOfItsProtocolOnly()
    {
        var every = new TransportPort(0, TransportProtocol.Udp);
        Assert.True(every.Covers(53, TransportProtocol.Udp));
        Assert.False(every.Covers(53, TransportProtocol.Tcp));
        Assert.False(new TransportPort(53, TransportProtocol.Udp).Covers(54, TransportProtocol.Udp));
        Assert.Equal(("*/udp", "53/tcp"), (every.ToString(), new TransportPort(53, TransportProtocol.Tcp).ToString()));
    }

    [Fact]
    public void AWorkloadBelievesThoseThatAnyOfItsDeclarationsTrusts()
    {
        WorkloadInfo workload = new()
        {
            Uid = "a/b",
            Name = new("a", "b"),
            ServiceAccount = "default",
            Identity = SpiffeId.ForServiceAccount("td", "a", "default"),
            Node = "n",
            ProxyProtocolPorts = [new(80, TransportProtocol.Tcp)],
            TrustedProxies =
            [
                new([new(443, TransportProtocol.Tcp)], [IpPrefix.Parse("10.0.0.0/8")]),
                new([new(0, TransportProtocol.Tcp)], [IpPrefix.Parse("fd00::/8")]),
            ],
        };
        Assert.Equal([new(80, TransportProtocol.Tcp), new(443, TransportProtocol.Tcp), new(0, TransportProtocol.Tcp)], ProxyNeed.PortsOf(workload, new RequestPorts(new NodeSnapshot())));
        Assert.True(workload.WantsProxyProtocol(80, TransportProtocol.Tcp));
        Assert.False(workload.WantsProxyProtocol(80, TransportProtocol.Udp));
        Assert.True(workload.AcceptsProxyProtocol(8080, TransportProtocol.Tcp));
        Assert.False(workload.AcceptsProxyProtocol(443, TransportProtocol.Udp));
        Assert.True(workload.TrustsProxy(IPAddress.Parse("10.1.2.3"), 443, TransportProtocol.Tcp));
        Assert.False(workload.TrustsProxy(IPAddress.Parse("10.1.2.3"), 8080, TransportProtocol.Tcp));
        Assert.True(workload.TrustsProxy(IPAddress.Parse("fd00::1"), 443, TransportProtocol.Tcp));
        Assert.False(workload.TrustsProxy(IPAddress.Parse("192.0.2.1"), 443, TransportProtocol.Tcp));
        Assert.NotEqual(workload, workload with { ProxyProtocolPorts = [] });
        Assert.NotEqual(workload, workload with { TrustedProxies = [] });
    }
}
