using System.Net;
using System.Net.Sockets;
using Culvert.Interop.Netlink;
using Culvert.Labs;
using Culvert.SystemTests.Fixtures;

namespace Culvert.SystemTests.Peers;

/// <summary>UDP inside a pod, run by the test process itself: sockets stay in the namespace they were made in.</summary>
internal sealed class UdpPeer : IAsyncDisposable
{
    private readonly Socket _socket;
    private readonly Task _serving;
    private int _received;

    private UdpPeer(Socket socket, bool echo)
    {
        _socket = socket;
        EndPoint = (IPEndPoint)socket.LocalEndPoint!;
        _serving = ServeAsync(echo);
    }

    /// <summary>Where it listens.</summary>
    public IPEndPoint EndPoint { get; }

    /// <summary>Datagrams that came.</summary>
    public int Received => Volatile.Read(ref _received);

    /// <summary>Sends back what comes.</summary>
    public static UdpPeer StartEcho(LabPod pod, TestFamily family, int port = 0) => new(Bind(pod, family, port), echo: true);

    /// <summary>Takes what comes and says nothing.</summary>
    public static UdpPeer StartSink(LabPod pod, TestFamily family) => new(Bind(pod, family), echo: false);

    /// <summary>A socket at the pod's address.</summary>
    public static Socket Bind(LabPod pod, TestFamily family, int port = 0)
    {
        var address = MeshFixture.AddressOf(pod, family);
        using var place = NetworkNamespace.OpenPath(pod.NamespacePath);
        var socket = place.Run(() => new Socket(address.AddressFamily, SocketType.Dgram, ProtocolType.Udp));
        socket.ReceiveBufferSize = 4 << 20;
        socket.SendBufferSize = 4 << 20;
        socket.Bind(new IPEndPoint(address, port));
        return socket;
    }

    /// <summary>A socket at the pod's address that speaks to one end point only.</summary>
    public static Socket Connect(LabPod pod, IPEndPoint to)
    {
        var socket = Bind(pod, to.AddressFamily == AddressFamily.InterNetwork ? TestFamily.IPv4 : TestFamily.IPv6);
        socket.Connect(to);
        return socket;
    }

    /// <summary>Sends a datagram and waits for it to come back; again when it does not within the time, as clients of UDP do.</summary>
    /// <exception cref="TimeoutException">It never came back.</exception>
    public static async Task ExchangeAsync(Socket connected, byte[] message, int tries = 1, double secondsPerTry = 10)
    {
        var buffer = new byte[65_536];
        for (var i = 0; i < tries; i++)
        {
            using var deadline = new CancellationTokenSource(TimeSpan.FromSeconds(secondsPerTry) * LabWait.Patience);
            await connected.SendAsync(message, deadline.Token);
            try
            {
                // An answer to an earlier try may still come.
                while (!buffer.AsSpan(0, await connected.ReceiveAsync(buffer, deadline.Token)).SequenceEqual(message))
                {
                }

                return;
            }
            catch (OperationCanceledException)
            {
                // The next try.
            }
        }

        throw new TimeoutException($"{connected.RemoteEndPoint} did not answer {connected.LocalEndPoint} in {tries} tries of {secondsPerTry} s");
    }

    public async ValueTask DisposeAsync()
    {
        _socket.Dispose();
        await _serving;
        GC.SuppressFinalize(this);
    }

    private async Task ServeAsync(bool echo)
    {
        var buffer = GC.AllocateUninitializedArray<byte>(65_536, pinned: true);
        var from = new SocketAddress(_socket.AddressFamily);
        while (true)
        {
            try
            {
                var length = await _socket.ReceiveFromAsync(buffer, SocketFlags.None, from);
                Interlocked.Increment(ref _received);
                if (echo)
                {
                    await _socket.SendToAsync(buffer.AsMemory(0, length), SocketFlags.None, from);
                }
            }
            catch (SocketException e) when (e.SocketErrorCode is SocketError.ConnectionRefused or SocketError.ConnectionReset)
            {
                // A client that has gone (ICMP).
            }
            catch (Exception e) when (e is SocketException or ObjectDisposedException)
            {
                return; // disposed
            }
        }
    }
}
