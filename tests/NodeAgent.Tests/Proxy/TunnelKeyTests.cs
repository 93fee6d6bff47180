using System.Net;
using Culvert.Core;
using Culvert.Interop.Netlink;
using Culvert.Interop.Sockets;
using Culvert.NodeAgent.Proxy.Model;
using Culvert.NodeAgent.Proxy.Tunnel;

namespace Culvert.NodeAgent.Tests.Proxy;

public sealed class TunnelKeyTests
{
    private static readonly SocketEndPoint Dial = new(IPAddress.Parse("10.0.1.1"), 15008);
    private static readonly ProxyConnectionInfo Info = new()
    {
        Source = new SocketEndPoint(IPAddress.Parse("10.0.0.1"), 40000),
        SourceIdentity = SpiffeId.Parse(ProxyPair.Alice),
        DestinationIdentity = SpiffeId.Parse(ProxyPair.Bob),
    };

    [Fact]
    public void TunnelsOfAPodThatIsCapturedInsideAreItsOwnAndFromItsAddress()
    {
        using NetworkNamespace here = NetworkNamespace.Current();
        PodSpace one = new(1, here, "a"), two = new(2, here, "b");
        FakeMesh nodes = new() { IsPod = false };
        TunnelKey inside = TunnelKey.Of(Info with { SourceSpace = one }, Dial, nodes);
        Assert.Equal((one, Info.Source.WithPort(0)), (inside.Space, inside.From));
        Assert.Equal(inside, TunnelKey.Of(Info with { SourceSpace = one, Source = Info.Source.WithPort(40001) }, Dial, nodes));
        Assert.NotEqual(inside, TunnelKey.Of(Info with { SourceSpace = two }, Dial, nodes));
        Assert.NotEqual(inside, TunnelKey.Of(Info, Dial, new FakeMesh { IsPod = true }));
        Assert.Null(TunnelKey.Of(Info, Dial, nodes).From);
    }

    [Fact]
    public void WhereFamiliesDifferTheNamespaceHasAnAddressOfTheOther()
    {
        using NetworkNamespace here = NetworkNamespace.Current();
        TunnelKey key = TunnelKey.Of(Info with { SourceSpace = new PodSpace(1, here, "a") }, new SocketEndPoint(IPAddress.Parse("fd00::1"), 15008), new FakeMesh());
        Assert.Null(key.From);
        Assert.NotNull(key.Space);
    }
}
