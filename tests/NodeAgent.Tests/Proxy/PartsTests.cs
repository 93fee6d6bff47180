using System.Text;
using Culvert.Core;
using Culvert.NodeAgent.Proxy.Inbound;
using Culvert.NodeAgent.Proxy.Limits;
using Culvert.NodeAgent.Proxy.Loop;
using Culvert.NodeAgent.Proxy.Model;
using Culvert.NodeAgent.Proxy.Tunnel;

namespace Culvert.NodeAgent.Tests.Proxy;

public sealed class PartsTests
{
    private static readonly BudgetHolder Pod = BudgetHolder.Of(SpiffeId.Parse("spiffe://culvert.test/ns/default/sa/pod"));
    private static readonly BudgetHolder Neighbour = BudgetHolder.Of(SpiffeId.Parse("spiffe://culvert.test/ns/default/sa/neighbour"));

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
    public void AWriteBufferReturnsBytesInOrderAndItsBuffersToThePool()
    {
        using BufferPool pool = new(2 << 20, 1 << 20);
        HeldBytes buffer = new(pool.Open(Pod), new Holder());
        Random random = new(7);
        Queue<byte> expected = new();
        for (int i = 0; i < 2000; i++)
        {
            if (random.Next(2) == 0 && buffer.Length < 500_000)
            {
                byte[] data = new byte[random.Next(1, 40_000)];
                random.NextBytes(data);
                Assert.True(buffer.Append(data));
                foreach (byte b in data) expected.Enqueue(b);
            }
            else if (!buffer.IsEmpty)
            {
                int n = random.Next(1, buffer.Peek().Length + 1);
                foreach (byte b in buffer.Peek()[..n]) Assert.Equal(expected.Dequeue(), b);
                buffer.Advance(n);
            }

            Assert.Equal(expected.Count, buffer.Length);
        }

        buffer.Clear();
        Assert.Equal((0, 0L), (buffer.Length, pool.RentedBytes));
    }

    [Fact]
    public void ThePoolNeverLendsMoreThanItsLimit()
    {
        using BufferPool pool = new(8 * BufferPool.BufferSize, 2 * BufferPool.BufferSize);
        HeldBytes first = new(pool.Open(Pod), new Holder()), second = new(pool.Open(Neighbour), new Holder());

        // Four are as many as are free after them; of those, the other may have two.
        Assert.False(first.Append(new byte[5 * BufferPool.BufferSize]));
        Assert.Equal(4 * BufferPool.BufferSize, pool.RentedBytes);
        Assert.False(second.Append(new byte[3 * BufferPool.BufferSize]));
        Assert.Equal(6 * BufferPool.BufferSize, pool.RentedBytes);
        first.Clear();
        second.Clear();
        Assert.Equal((0L, 2L * BufferPool.BufferSize), (pool.RentedBytes, pool.IdleBytes));
    }

    [Fact]
    public void WhoHasWaitedLongestOfAnAccountPaysForIt()
    {
        using BufferPool pool = new(8 * BufferPool.BufferSize, 0);
        BufferAccount account = pool.Open(Pod);
        Holder[] holders = [new(), new(), new()];
        HeldBytes[] buffers = [.. holders.Select(h => h.HeldBytes = new HeldBytes(account, h))];
        Holder neighbour = new();
        neighbour.HeldBytes = new HeldBytes(pool.Open(Neighbour), neighbour);
        Assert.True(neighbour.HeldBytes.Append(new byte[1]));
        foreach (HeldBytes buffer in buffers) Assert.True(buffer.Append(new byte[BufferPool.BufferSize]));

        // The first one's bytes move: the second has waited longest.
        buffers[0].Advance(1);
        Assert.True(buffers[2].Append(new byte[BufferPool.BufferSize]));
        Assert.True(buffers[2].Append(new byte[BufferPool.BufferSize]));
        Assert.Equal((false, true, false, false), (holders[0].IsOver, holders[1].IsOver, holders[2].IsOver, neighbour.IsOver));
        Assert.Equal(1, neighbour.HeldBytes.Length);
    }

    [Fact]
    public void DatagramsPayBeforeConnectionsAndNoConnectionPaysForThem()
    {
        using BufferPool pool = new(8 * BufferPool.BufferSize, 0);
        BufferAccount account = pool.Open(Pod);
        Holder connection = new(), first = new() { LosesDatagrams = true }, second = new() { LosesDatagrams = true }, third = new() { LosesDatagrams = true };
        foreach (Holder holder in (Holder[])[connection, first, second, third]) holder.HeldBytes = new HeldBytes(account, holder);
        Assert.True(connection.HeldBytes!.Append(new byte[1]));
        Assert.True(first.HeldBytes!.Append(new byte[BufferPool.BufferSize]));
        Assert.True(second.HeldBytes!.Append(new byte[2 * BufferPool.BufferSize]));
        Assert.True(third.HeldBytes!.Append(new byte[BufferPool.BufferSize]));
        Assert.Equal((true, false, false, false), (first.IsOver, second.IsOver, third.IsOver, connection.IsOver));
        Assert.True(connection.HeldBytes.Append(new byte[2 * BufferPool.BufferSize]));
        Assert.Equal((true, false), (second.IsOver, third.IsOver));
        Assert.True(connection.HeldBytes.Append(new byte[BufferPool.BufferSize]));
        Assert.True(third.IsOver);
        Assert.False(first.HeldBytes.Append(new byte[BufferPool.BufferSize]));
        Assert.False(connection.IsOver);
    }

    [Fact]
    public void WindowsGrowByAQuarterOfWhatIsLeftAndNotUnderPressure()
    {
        using BufferPool pool = new(64 * BufferPool.BufferSize, 0);
        BufferAccount account = pool.Open(Pod), neighbour = pool.Open(Neighbour);
        Assert.True(account.TryPromise(12 * BufferPool.BufferSize));
        Assert.False(account.TryPromise(2 * BufferPool.BufferSize));
        Assert.True(neighbour.TryPromise(10 * BufferPool.BufferSize));
        account.TakeBack(12 * BufferPool.BufferSize);
        Assert.Equal(10 * BufferPool.BufferSize, pool.Promised);

        Holder holder = new();
        holder.HeldBytes = new HeldBytes(account, holder);
        Assert.True(holder.HeldBytes.Append(new byte[8 * BufferPool.BufferSize]));
        Assert.Equal(1, account.Pressure);
        Assert.False(account.TryPromise(1));
    }

    private sealed class Holder : IBufferHolder
    {
        internal HeldBytes? HeldBytes { get; set; }

        internal bool IsOver { get; private set; }

        public bool LosesDatagrams { get; init; }

        public void GiveUp()
        {
            IsOver = true;
            HeldBytes!.Clear();
        }
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
        "None UnknownSource NoRoute NoBackend NoCertificate PolicyDenied PolicyChanged ConnectRefused ConnectTimeout ConnectFailed TlsHandshake TlsTimeout "
        + "PeerIdentityMismatch ProtocolError BadRequest PeerRefused ApplicationReset StreamReset TunnelReset Overload Draining ProxyFault UdpUnsupported ProxyProtocol RouteChanged CrowdedOut OverShare NoServicePort TunnelPort PeerRevoked",
        string.Join(' ', Enum.GetNames<ProxyFailure>()));

    [Fact]
    public void DatagramDropNumbersAreStable() => Assert.Equal(
        "TunnelFull UnknownContext CapsuleTooLong OtherSourcePort MalformedCapsule BadHeader SessionRefused SessionLimit SessionOpening SendFailed NoAnswerSocket UnknownSession NoRoomForHeader TooLate NoRoomForPieces LateAnswer", string.Join(' ', Enum.GetNames<DatagramDrop>()));
}
