using Culvert.NodeAgent.Proxy.Model;
using Culvert.NodeAgent.Proxy.Tunnel;

namespace Culvert.NodeAgent.Tests.Proxy;

/// <summary>Nodes of different versions speak with each other: what a status means stays.</summary>
public sealed class ConnectStatusTests
{
    [Fact]
    public void AStatusThatIsSentMeansTheSameToWhoeverReceivesIt()
    {
        foreach (ProxyFailure failure in Enum.GetValues<ProxyFailure>())
        {
            int status = ConnectStatus.Of(failure);
            (int, ProxyFailure) expected = failure switch
            {
                ProxyFailure.None => (200, ProxyFailure.None),
                ProxyFailure.BadRequest => (400, ProxyFailure.BadRequest),
                ProxyFailure.PolicyDenied or ProxyFailure.PeerIdentityMismatch or ProxyFailure.PeerRevoked or ProxyFailure.ProxyProtocol => (401, ProxyFailure.PolicyDenied),
                ProxyFailure.OverShare => (429, ProxyFailure.OverShare),
                _ => (503, ProxyFailure.ConnectFailed),
            };
            Assert.Equal(expected, (status, ConnectStatus.Meaning(status)));
            Assert.Equal(status, ConnectStatus.Of(ConnectStatus.Meaning(status)));
        }
    }

    [Theory]
    [InlineData(403, "PolicyDenied")]
    [InlineData(404, "PeerRefused")]
    [InlineData(502, "PeerRefused")]
    public void StatusesOfOtherProxiesHaveAMeaning(int status, string failure) => Assert.Equal(Enum.Parse<ProxyFailure>(failure), ConnectStatus.Meaning(status));
}
