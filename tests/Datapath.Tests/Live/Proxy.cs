using System.Net;
using System.Net.Sockets;
using Culvert.Datapath.Tests.Support;
using Culvert.Interop.Abi;

namespace Culvert.Datapath.Tests.Live;

/// <summary>The proxy's sockets for datagrams of one family, offered to the programs: two for each loop, behind a header and without.</summary>
internal sealed class Proxy : IDisposable
{
    private readonly List<Socket> _headed = [], _plain = [];
    private readonly SocketGroup _offered;
    private readonly bool _v6;

    internal Proxy(LiveWorld world, bool v6, int loops = 1)
    {
        _v6 = v6;
        _offered = new SocketGroup(world.Maps.Listeners);
        for (int i = 0; i < loops; i++)
        {
            _headed.Add(Offer(world, CvListenerKind.Udp4, i));
            _plain.Add(Offer(world, CvListenerKind.Plain4, i));
        }
        world.Maps.Offer(LiveWorld.Generation, (uint)loops);
    }

    /// <summary>Bytes that nobody has received yet.</summary>
    internal int Waiting => _headed.Concat(_plain).Sum(s => s.Available);

    /// <summary>The next datagram of the only loop; the header when it has one.</summary>
    internal async Task<(ProxyHeader? Header, byte[] Payload, IPEndPoint From, IPAddress To)> ReceiveAsync(bool plain) => await ReceiveAsync(plain ? _plain[0] : _headed[0], plain);

    /// <summary>The next datagram of the only loop on either way.</summary>
    internal async Task<(ProxyHeader? Header, byte[] Payload, IPEndPoint From, IPAddress To)> ReceiveEitherAsync()
    {
        (ProxyHeader? header, byte[] payload, IPEndPoint from, IPAddress to, int _) = await NextAsync();
        return (header, payload, from, to);
    }

    /// <summary>Which loop the next datagram meets.</summary>
    internal async Task<int> LoopOfNextAsync() => (await NextAsync()).Loop;

    /// <summary>The next datagram, and the loop that it meets.</summary>
    internal async Task<(ProxyHeader? Header, byte[] Payload, IPEndPoint From, IPAddress To, int Loop)> NextAsync()
    {
        Socket[] all = [.. _headed, .. _plain];
        List<Socket> ready = [.. all];
        await Task.Run(() => Socket.Select(ready, null, null, TimeSpan.FromSeconds(20)));
        int at = Array.IndexOf(all, ready.Count > 0 ? ready[0] : throw new TimeoutException("no datagram came within 20 s"));
        (ProxyHeader? header, byte[] payload, IPEndPoint from, IPAddress to) = await ReceiveAsync(all[at], at >= _headed.Count);
        return (header, payload, from, to, at % _headed.Count);
    }

    public void Dispose() => _offered.Dispose();

    private async Task<(ProxyHeader? Header, byte[] Payload, IPEndPoint From, IPAddress To)> ReceiveAsync(Socket socket, bool plain)
    {
        byte[] buffer = new byte[65536];
        SocketReceiveMessageFromResult got = await socket.ReceiveMessageFromAsync(buffer, SocketFlags.None, new IPEndPoint(_v6 ? IPAddress.IPv6Any : IPAddress.Any, 0), Peer.Deadline());
        ReadOnlySpan<byte> all = buffer.AsSpan(0, got.ReceivedBytes);
        ProxyHeader? header = plain ? null : ProxyHeader.Read(all);
        return (header, all[(header?.Length ?? 0)..].ToArray(), (IPEndPoint)got.RemoteEndPoint, got.PacketInformation.Address);
    }

    private Socket Offer(LiveWorld world, CvListenerKind kind4, int loop)
    {
        Socket socket = Peer.DatagramsAsProxy(world, _v6);
        _offered.Add((((uint)kind4 + (_v6 ? 1u : 0)) * CvAbi.MaxListeners) + (uint)loop, socket);
        return socket;
    }
}
