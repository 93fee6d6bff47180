using Culvert.NodeAgent.Proxy.Model;

namespace Culvert.NodeAgent.Tests.Proxy;

/// <summary>Whoever adds a failure has to decide what it means: each stands in exactly one of these lists.</summary>
public sealed class ProxyFailuresTests
{
    /// <summary>The mesh would not carry it: flows say "deny", and a datagram's session is refused for long.</summary>
    internal static readonly ProxyFailure[] Refusals =
    [
        ProxyFailure.UnknownSource, ProxyFailure.NoRoute, ProxyFailure.NoServicePort, ProxyFailure.NoBackend, ProxyFailure.TunnelPort, ProxyFailure.PolicyDenied, ProxyFailure.PolicyChanged,
        ProxyFailure.PeerRefused, ProxyFailure.Overload, ProxyFailure.OverShare, ProxyFailure.Draining, ProxyFailure.ProxyProtocol,
    ];

    /// <summary>Something went wrong that may be right a moment later: a datagram's session is tried again soon.</summary>
    private static readonly ProxyFailure[] Transient =
    [
        ProxyFailure.NoCertificate, ProxyFailure.ConnectRefused, ProxyFailure.ConnectTimeout, ProxyFailure.ConnectFailed, ProxyFailure.TlsHandshake, ProxyFailure.TlsTimeout,
        ProxyFailure.StreamReset, ProxyFailure.TunnelReset,
    ];

    /// <summary>Something went wrong that stays so until somebody changes something, or there is nothing to try again.</summary>
    private static readonly ProxyFailure[] Lasting =
    [
        ProxyFailure.None, ProxyFailure.PeerIdentityMismatch, ProxyFailure.ProtocolError, ProxyFailure.BadRequest, ProxyFailure.ApplicationReset, ProxyFailure.ProxyFault,
        ProxyFailure.UdpUnsupported, ProxyFailure.RouteChanged, ProxyFailure.CrowdedOut, ProxyFailure.PeerRevoked,
    ];

    [Fact]
    public void EveryFailureStandsInOneList() => Assert.Equal(Enum.GetValues<ProxyFailure>(), Refusals.Concat(Transient).Concat(Lasting).Order());

    [Fact]
    public void EachMeansWhatItsListSays()
    {
        Assert.Equal(Refusals.Order(), Enum.GetValues<ProxyFailure>().Where(ProxyFailures.IsRefusal));
        Assert.Equal(Transient.Order(), Enum.GetValues<ProxyFailure>().Where(ProxyFailures.IsTransient));
    }
}
