using Culvert.Core;
using Culvert.Http2;
using Culvert.Interop.Sockets;
using Culvert.NodeAgent.Proxy;
using Culvert.NodeAgent.Proxy.Loop;
using Culvert.NodeAgent.Proxy.Model;
using Culvert.NodeAgent.Proxy.Transport;
using Culvert.NodeAgent.Proxy.Tunnel;

namespace Culvert.NodeAgent.Tests.Proxy.Datagrams;

/// <summary>A server's end of tunnels that takes every stream and is driven by the test.</summary>
internal sealed class DatagramServer : IHttp2Requests<TunnelConnection>, IAsyncDisposable
{
    private readonly EventLoop _loop;
    private readonly ProxyOptions _options;
    private readonly TunnelHandshaker _handshaker;
    private readonly FakeMesh _mesh;
    private readonly LoopListener _listener;
    private readonly List<TunnelConnection> _tunnels = [];
    private readonly HandshakeGate _gate = new(1000, 1000);

    internal DatagramServer(ProxyPair pair, Func<ProxyOptions, ProxyOptions>? configure = null)
    {
        ProxyOptions options = new() { Loops = 1, Mark = SocketMark.None, Transparent = false };
        _options = options = configure?.Invoke(options) ?? options;
        _mesh = pair.Destination;
        _loop = new EventLoop(0, new EventLoopOptions(), TimeProvider.System, pair.Destination);
        HandshakeReporter reporter = new(_mesh, new LogThrottle<SocketEndPoint>(TimeProvider.System, options.HandshakeLogInterval));
        _handshaker = new TunnelHandshaker(_loop, options.HandshakeTimeout, reporter, _mesh, new PeerProofs(), TimeProvider.System);
        ProxyListener listener = ProxyListener.BindForTunnels(new SocketEndPoint(pair.DestinationAddress, 0), 0, options, sharePort: false);
        Local = listener.Local;
        _listener = new LoopListener(_loop, listener.Handle, (handle, peer) => _ = AcceptAsync(handle, peer), _ => { });
        _loop.Start();
        _loop.Post(_listener.Watch);
    }

    internal EventLoop Loop => _loop;

    internal SocketEndPoint Local { get; }

    /// <summary>Makes the sink of each stream; it may keep the stream to answer.</summary>
    internal Func<IDatagramSink> MakeSink { get; set; } = () => new RecordingSink();

    internal List<TunnelDatagramStream> Streams { get; } = [];

    internal bool AgreesOnSourcePorts { get; set; } = true;

    void IHttp2Requests<TunnelConnection>.OnRequest(TunnelConnection tunnel, Http2Stream stream, HeaderList headers, bool endStream)
    {
        bool sourcePorts = DatagramHeaders.HasSourcePort(headers) && AgreesOnSourcePorts;
        HeaderList answer = new();
        answer.AddStatus(200);
        if (sourcePorts) DatagramHeaders.AddSourcePort(answer);
        IDatagramSink sink = MakeSink();
        TunnelDatagramStream taken = new(tunnel, stream, sink, _mesh, sourcePorts);
        if (sink is EchoSink echo) echo.Stream = taken;
        tunnel.Http2.SendHeaders(stream, answer, endStream: false);
        tunnel.ScheduleFlush();
        Streams.Add(taken);
    }

    public async ValueTask DisposeAsync()
    {
        await _loop.InvokeAsync(() =>
        {
            _listener.Dispose();
            foreach (TunnelConnection tunnel in _tunnels.ToArray()) tunnel.Close();
            return true;
        });
        _loop.Dispose();
    }

    private async Task AcceptAsync(SocketHandle handle, SocketEndPoint peer)
    {
        LoopSocket socket = new(_loop, handle, connected: true);
        TlsIdentity identity = _mesh.Identities[SpiffeId.Parse(ProxyPair.Bob)];
        (TunnelParts? parts, _, _) = await _handshaker.AcceptAsync(_gate.TryEnter(peer, socket)!, peer, Local, identity);
        if (parts is null) return;
        TunnelConnection tunnel = new(parts, this, _options.Tunnels, TimeProvider.System);
        _tunnels.Add(tunnel);
        await tunnel.RunAsync();
        _tunnels.Remove(tunnel);
    }
}
