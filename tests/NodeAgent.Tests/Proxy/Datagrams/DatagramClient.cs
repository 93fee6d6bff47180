using System.Globalization;
using System.Text;
using Culvert.Core;
using Culvert.Http2;
using Culvert.Interop.Sockets;
using Culvert.NodeAgent.Proxy;
using Culvert.NodeAgent.Proxy.Limits;
using Culvert.NodeAgent.Proxy.Loop;
using Culvert.NodeAgent.Proxy.Model;
using Culvert.NodeAgent.Proxy.Transport;
using Culvert.NodeAgent.Proxy.Tunnel;

namespace Culvert.NodeAgent.Tests.Proxy.Datagrams;

/// <summary>The client's end of tunnels for datagrams: a loop and a pool of its own, with the pair's source identity.</summary>
internal sealed class DatagramClient : IAsyncDisposable
{
    private readonly TunnelPool _pool;
    private readonly FakeMesh _mesh;
    private readonly EventLoop _loop;
    private readonly SocketEndPoint _tunnel;
    private readonly SpiffeId _expected;

    internal DatagramClient(ProxyPair pair, SocketEndPoint? tunnel = null, Func<ProxyOptions, ProxyOptions>? configure = null)
    {
        ProxyOptions options = new() { Loops = 1, Mark = SocketMark.None, Transparent = false };
        options = configure?.Invoke(options) ?? options;
        _loop = new EventLoop(0, new EventLoopOptions(), TimeProvider.System, pair.Source);
        _mesh = pair.Source;
        CertificateWaiter certificates = new(_loop, _mesh, options.CertificateTimeout);
        HandshakeReporter reporter = new(_mesh, new LogThrottle<SocketEndPoint>(TimeProvider.System, options.HandshakeLogInterval));
        TunnelHandshaker handshaker = new(_loop, options.HandshakeTimeout, reporter, _mesh, new PeerProofs(), TimeProvider.System);
        _pool = new TunnelPool(_loop, options.TunnelPoolOf(loops: 1), certificates, handshaker, reporter, new SharedBudget(options.MaxTunnels), new TunnelEnds(), TimeProvider.System);
        _tunnel = tunnel ?? pair.Tunnel;
        _expected = pair.Destination.Local!.Identity;
        _loop.Start();
    }

    internal EventLoop Loop => _loop;

    internal Task<int> TunnelCountAsync() => _loop.InvokeAsync(() => _pool.Count);

    /// <summary>Opens a stream to a target on behalf of a client.</summary>
    internal async Task<OpenedStream<TunnelDatagramStream>> TryOpenAsync(SocketEndPoint target, IDatagramSink sink, SocketEndPoint? source = null)
    {
        TunnelKey key = new(SpiffeId.Parse(ProxyPair.Alice), _tunnel, _expected);
        Action<HeaderList, SocketEndPoint> write = (headers, from) =>
        {
            DatagramHeaders.WriteRequest(headers, _tunnel, target);
            headers.Add("forwarded"u8, Encoding.ASCII.GetBytes(string.Create(CultureInfo.InvariantCulture, $"for=\"{from}\"")), neverIndexed: true);
        };
        Task<OpenedStream<TunnelDatagramStream>> opened = await _loop.InvokeAsync(() => _pool.OpenDatagramStreamAsync(
            key, write, source ?? new SocketEndPoint(System.Net.IPAddress.Loopback, 4000), sink, _mesh).AsTask());
        return await opened.WaitAsync(TimeSpan.FromSeconds(20));
    }

    internal async Task<(TunnelDatagramStream Stream, RecordingSink Sink)> OpenAsync(SocketEndPoint target)
    {
        RecordingSink sink = new();
        OpenedStream<TunnelDatagramStream> opened = await TryOpenAsync(target, sink);
        Assert.Equal((ProxyFailure.None, null), (opened.Failure, opened.Detail));
        return (opened.Stream!, sink);
    }

    internal async Task<TunnelDatagramStream> OpenWithAsync(SocketEndPoint target, IDatagramSink sink) => (await TryOpenAsync(target, sink)).Stream!;

    internal Task<bool> SendAsync(TunnelDatagramStream stream, byte[] payload) => _loop.InvokeAsync(() => stream.Send(payload));

    internal Task CloseAsync(TunnelDatagramStream stream) => _loop.InvokeAsync(() =>
    {
        stream.Dispose();
        return true;
    });

    public async ValueTask DisposeAsync()
    {
        await _loop.InvokeAsync(() =>
        {
            _pool.CloseAll();
            return true;
        });

        // What the end of the tunnels tells is told at the end of that turn.
        await _loop.InvokeAsync(() => true);
        _loop.Dispose();
    }
}
