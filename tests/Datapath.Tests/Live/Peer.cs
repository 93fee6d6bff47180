using System.Net;
using System.Net.Sockets;
using Culvert.Datapath.Tests.Support;
using Culvert.Interop.Abi;
using Culvert.Interop.Sockets;
using Culvert.Labs;

namespace Culvert.Datapath.Tests.Live;

/// <summary>Sockets inside a namespace, and what the tests do with them. Everything ends after 20 s at the latest.</summary>
internal static class Peer
{
    private const int SolSocket = 1, SoMark = 36, SolIp = 0, IpTransparent = 19, SolIpV6 = 41, IpV6Transparent = 75;

    internal static CancellationToken Deadline(int seconds = 20) => new CancellationTokenSource(TimeSpan.FromSeconds(seconds)).Token;

    internal static Socket Open(LabNamespace place, bool v6, SocketType type) => LiveWorld.In(place, () =>
        new Socket(v6 ? AddressFamily.InterNetworkV6 : AddressFamily.InterNetwork, type, type == SocketType.Stream ? ProtocolType.Tcp : ProtocolType.Udp));

    internal static Socket Listen(LabNamespace place, IPEndPoint at)
    {
        Socket socket = Open(place, IsV6(at), SocketType.Stream);
        Bind(socket, at);
        socket.Listen(128);
        return socket;
    }

    // A process that another test starts has a copy, for a moment, of the listener that was closed just now.
    private static void Bind(Socket socket, IPEndPoint at)
    {
        for (long began = Environment.TickCount64; ;)
        {
            try
            {
                socket.Bind(at);
                return;
            }
            catch (SocketException e) when (e.SocketErrorCode == SocketError.AddressAlreadyInUse && Environment.TickCount64 - began < 5000)
            {
                Thread.Sleep(1);
            }
        }
    }

    // The programs take sockets from a map. One port for all would still be in use where a process that another test starts has its copies of what was closed meanwhile.
    private const int AnyPort = 0;

    /// <summary>A listener as the proxy has them: transparent and marked.</summary>
    internal static Socket ListenAsProxy(LiveWorld world, bool v6, CvOwnKind kind = CvOwnKind.Plain)
    {
        Socket socket = AsProxy(world, Open(world.Node, v6, SocketType.Stream), v6, kind);
        socket.Bind(new IPEndPoint(v6 ? IPAddress.IPv6Loopback : IPAddress.Loopback, AnyPort));
        socket.Listen(128);
        return socket;
    }

    /// <summary>A socket for datagrams as the proxy has them.</summary>
    internal static Socket DatagramsAsProxy(LiveWorld world, bool v6)
    {
        Socket socket = AsProxy(world, Open(world.Node, v6, SocketType.Dgram), v6);
        socket.SetSocketOption(v6 ? SocketOptionLevel.IPv6 : SocketOptionLevel.IP, SocketOptionName.PacketInformation, true);
        socket.ReceiveBufferSize = 4 << 20;
        socket.Bind(new IPEndPoint(v6 ? IPAddress.IPv6Loopback : IPAddress.Loopback, AnyPort));
        return socket;
    }

    /// <summary>A socket of the proxy that speaks from another's address to one peer.</summary>
    internal static Socket SpeakAs(LiveWorld world, IPEndPoint from, IPEndPoint to)
    {
        Socket socket = AsProxy(world, Open(world.Node, IsV6(from), SocketType.Dgram), IsV6(from));
        socket.SetSocketOption(SocketOptionLevel.Socket, SocketOptionName.ReuseAddress, true);
        socket.Bind(from);
        socket.Connect(to);
        return socket;
    }

    /// <summary>Makes a socket one of the proxy's.</summary>
    internal static Socket AsProxy(IWorld world, Socket socket, bool v6, CvOwnKind kind = CvOwnKind.Plain)
    {
        Assert.Equal(SocketErrno.None, world.Maps.OwnSockets.TryEnterSocket(socket.SafeHandle, new CvOwnSocket { Kind = (uint)kind }));
        return Marked(socket, v6);
    }

    /// <summary>Gives a socket the mark of the proxy, as anyone on the node may who has CAP_NET_RAW.</summary>
    internal static Socket Marked(Socket socket, bool v6)
    {
        socket.SetRawSocketOption(SolSocket, SoMark, BitConverter.GetBytes(CvAbi.MarkProxy));
        socket.SetRawSocketOption(v6 ? SolIpV6 : SolIp, v6 ? IpV6Transparent : IpTransparent, BitConverter.GetBytes(1));
        return socket;
    }

    internal static async Task<Socket> Connect(LabNamespace place, IPEndPoint to)
    {
        Socket socket = Open(place, IsV6(to), SocketType.Stream);
        await socket.ConnectAsync(to, Deadline());
        return socket;
    }

    internal static Socket Datagrams(LabNamespace place, IPEndPoint at)
    {
        Socket socket = Open(place, IsV6(at), SocketType.Dgram);
        socket.Bind(at);
        return socket;
    }

    internal static bool IsV6(IPEndPoint at) => at.AddressFamily == AddressFamily.InterNetworkV6;

    /// <summary>Both sides send so many bytes at once and check what they receive.</summary>
    internal static async Task ExchangeAsync(Socket one, Socket other, long bytes)
    {
        await Task.WhenAll(SendAsync(one, bytes), SendAsync(other, bytes), ReceiveAsync(one, bytes), ReceiveAsync(other, bytes));
    }

    internal static async Task SendAsync(Socket socket, long bytes)
    {
        byte[] buffer = Buffer(0);
        CancellationToken deadline = Deadline();
        for (long at = 0; at < bytes;)
        {
            int phase = (int)(at % 251), length = (int)Math.Min(bytes - at, 60_000);
            at += await socket.SendAsync(buffer.AsMemory(phase, length), deadline);
        }
    }

    internal static async Task ReceiveAsync(Socket socket, long bytes)
    {
        byte[] expected = Buffer(0), buffer = new byte[60_000];
        CancellationToken deadline = Deadline();
        for (long at = 0; at < bytes;)
        {
            int length = await socket.ReceiveAsync(buffer.AsMemory(0, (int)Math.Min(buffer.Length, bytes - at)), deadline);
            Assert.NotEqual(0, length);
            Assert.True(buffer.AsSpan(0, length).SequenceEqual(expected.AsSpan((int)(at % 251), length)), $"The bytes differ near {at}.");
            at += length;
        }
    }

    /// <summary>Returns the error that a connection attempt ends with.</summary>
    internal static async Task<SocketError> Refusal(LabNamespace place, IPEndPoint to)
    {
        SocketException e = await Assert.ThrowsAsync<SocketException>(async () => (await Connect(place, to)).Dispose());
        return e.SocketErrorCode;
    }

    /// <summary>Returns the error that ICMP reports to a connected datagram socket. Asks again: kernels limit the rate of ICMP, and close sockets late.</summary>
    internal static async Task<SocketError> DatagramError(Socket socket)
    {
        for (int attempt = 0; attempt < 20; attempt++)
        {
            try
            {
                await socket.SendAsync(new byte[1]);
                using CancellationTokenSource wait = new(TimeSpan.FromSeconds(1));
                await socket.ReceiveAsync(new byte[10], wait.Token);
            }
            catch (SocketException e)
            {
                return e.SocketErrorCode;
            }
            catch (OperationCanceledException)
            {
                continue;
            }
        }
        return SocketError.Success;
    }

    private static byte[] Buffer(int phase) => [.. Enumerable.Range(0, 61_000).Select(i => (byte)((i + phase) % 251))];
}
