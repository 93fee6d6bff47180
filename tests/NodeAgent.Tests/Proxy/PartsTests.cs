using System.Text;
using Culvert.NodeAgent.Proxy;
using Culvert.NodeAgent.Proxy.Inbound;
using Culvert.NodeAgent.Proxy.Loop;
using Culvert.NodeAgent.Proxy.Relay;

namespace Culvert.NodeAgent.Tests.Proxy;

public sealed class PartsTests
{
    [Theory]
    [InlineData("for=\"10.0.0.1:4000\"", "10.0.0.1:4000")]
    [InlineData("for=10.0.0.1:4000", "10.0.0.1:4000")]
    [InlineData("For=\"[fd00::1]:80\";host=web.default", "[fd00::1]:80")]
    [InlineData("host=web; for=\"10.0.0.1:4000\"", "10.0.0.1:4000")]
    [InlineData("for=\"10.0.0.1:4000\", for=\"10.9.9.9:1\"", "10.0.0.1:4000")]
    [InlineData("for=_hidden", null)]
    [InlineData("for=\"10.0.0.1\"", null)]
    [InlineData("for=", null)]
    [InlineData("for=\"", null)]
    [InlineData("by=\"10.0.0.1:4000\"", null)]
    [InlineData("", null)]
    [InlineData(";;;=,", null)]
    public void TheForwardedHeaderGivesTheFirstClient(string value, string? expected)
    {
        bool found = ForwardedHeader.TryParse(Encoding.ASCII.GetBytes(value), out Interop.Sockets.SocketEndPoint client);
        Assert.Equal(expected is not null, found);
        if (found) Assert.Equal(expected, client.ToString());
    }

    [Fact]
    public void ABacklogReturnsBytesInOrderAndItsBuffersToThePool()
    {
        BufferPool pool = new(1 << 20, 1 << 20);
        Backlog backlog = new(pool);
        Random random = new(7);
        Queue<byte> expected = new();
        for (int i = 0; i < 2000; i++)
        {
            if (random.Next(2) == 0 && backlog.Length < 500_000)
            {
                byte[] data = new byte[random.Next(1, 40_000)];
                random.NextBytes(data);
                Assert.True(backlog.Append(data));
                foreach (byte b in data) expected.Enqueue(b);
            }
            else if (!backlog.IsEmpty)
            {
                int n = random.Next(1, backlog.Peek().Length + 1);
                foreach (byte b in backlog.Peek()[..n]) Assert.Equal(expected.Dequeue(), b);
                backlog.Advance(n);
            }

            Assert.Equal(expected.Count, backlog.Length);
        }

        backlog.Clear();
        Assert.Equal((0, 0L), (backlog.Length, pool.RentedBytes));
    }

    [Fact]
    public void ThePoolNeverLendsMoreThanItsLimit()
    {
        BufferPool pool = new(4 * BufferPool.BufferSize, 2 * BufferPool.BufferSize);
        Backlog first = new(pool), second = new(pool);
        Assert.True(first.Append(new byte[3 * BufferPool.BufferSize]));
        Assert.False(second.Append(new byte[2 * BufferPool.BufferSize]));
        Assert.Equal(4 * BufferPool.BufferSize, pool.RentedBytes);
        first.Clear();
        second.Clear();
        Assert.Equal((0L, 2L * BufferPool.BufferSize), (pool.RentedBytes, pool.IdleBytes));
    }

    [Fact]
    public void TunnelsGoToTheLoopThatHasTheFewest()
    {
        TunnelBalancer balancer = new(3);
        Assert.Equal([1, 0, 2, 1], (int[])[balancer.Take(1), balancer.Take(1), balancer.Take(1), balancer.Take(1)]);
        balancer.Release(2);
        Assert.Equal(2, balancer.Take(0));
    }

    [Fact]
    public void FailureNumbersAreStable() => Assert.Equal(
        "None UnknownSource NoRoute NoEndpoint NoCertificate PolicyDenied PolicyChanged ConnectRefused ConnectTimeout ConnectFailed TlsHandshake TlsTimeout "
        + "PeerIdentityMismatch ProtocolError BadRequest PeerRefused ApplicationReset StreamReset TunnelReset Overload Draining Internal UdpUnsupported ProxyProtocol RouteChanged CrowdedOut OverShare",
        string.Join(' ', Enum.GetNames<ProxyFailure>()));

    [Fact]
    public void DatagramDropNumbersAreStable() => Assert.Equal(
        "TunnelFull UnknownContext CapsuleTooLong OtherSourcePort MalformedCapsule BadHeader SessionRefused SessionLimit SessionOpening SendFailed NoAnswerSocket UnknownSession NoRoomForHeader", string.Join(' ', Enum.GetNames<DatagramDrop>()));
}
