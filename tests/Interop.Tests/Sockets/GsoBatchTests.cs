using System.Net;
using Culvert.Interop.Sockets;

namespace Culvert.Interop.Tests.Sockets;

/// <summary>What came in one piece is taken apart as it was sent.</summary>
public sealed class GsoBatchTests
{
    [Theory]
    [InlineData(0, 0, new[] { 0 })]
    [InlineData(0, 100, new[] { 0 })]
    [InlineData(1400, 0, new[] { 1400 })]
    [InlineData(99, 100, new[] { 99 })]
    [InlineData(100, 100, new[] { 100 })]
    [InlineData(101, 100, new[] { 100, 1 })]
    [InlineData(300, 100, new[] { 100, 100, 100 })]
    [InlineData(340, 100, new[] { 100, 100, 100, 40 })]
    public void ATrainIsCutIntoItsDatagrams(int length, int segmentSize, int[] expected)
    {
        byte[] bytes = new byte[length];
        new Random(length).NextBytes(bytes);
        List<int> lengths = [];
        List<byte> together = [];
        foreach (ReadOnlySpan<byte> datagram in new GsoBatch(bytes, segmentSize))
        {
            lengths.Add(datagram.Length);
            together.AddRange(datagram);
        }

        Assert.Equal(expected, lengths);
        Assert.Equal(bytes, together);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void ATrainComesInOnePieceAndIsReadAsItsDatagrams(bool ipv6)
    {
        using SocketHandle to = SocketHandle.TryCreateUdp(ipv6, out SocketErrno error)!;
        Assert.Equal(SocketErrno.None, error);
        Assert.Equal(SocketErrno.None, to.Bind(new SocketEndPoint(ipv6 ? IPAddress.IPv6Loopback : IPAddress.Loopback, 0)));
        Assert.Equal(SocketErrno.None, to.SetReceiveOffload());
        Assert.Equal(SocketErrno.None, to.GetLocalEndPoint(out SocketEndPoint at));
        using SocketHandle from = SocketHandle.TryCreateUdp(ipv6, out _)!;
        Assert.Equal(SocketErrno.None, from.Connect(at));

        int[] sizes = [500, 500, 500, 20, 7, 0];
        DatagramSender sender = new();
        DatagramQueue queue = default;
        for (int i = 0; i < sizes.Length; i++) Assert.True(sender.TryAdd(ref queue, Enumerable.Repeat((byte)i, sizes[i]).ToArray()));
        int maxSegment = ushort.MaxValue;
        Assert.Equal(sizes.Length, sender.Send(from, ref queue, ref maxSegment).Sent);

        DatagramReceiver receiver = new();
        using EpollHandle epoll = EpollHandle.Create();
        Assert.Equal(SocketErrno.None, epoll.Add(to, EpollEvents.Readable, 1));
        Assert.Equal(1, epoll.Wait(new EpollBuffer(1), 5000));
        Assert.Equal(SocketErrno.None, receiver.Receive(to));
        Assert.InRange(receiver.Count, 1, sizes.Length - 1); // or nothing came as a GSO batch
        List<(int Size, bool Same)> came = [];
        for (int i = 0; i < receiver.Count; i++)
        {
            foreach (ReadOnlySpan<byte> datagram in receiver.Datagrams(i)) came.Add((datagram.Length, !datagram.ContainsAnyExcept((byte)came.Count)));
        }

        Assert.Equal(sizes.Select(s => (s, true)), came);
    }
}
