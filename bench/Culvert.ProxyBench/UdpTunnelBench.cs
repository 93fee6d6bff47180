using System.Diagnostics;
using System.Globalization;
using System.Net;
using Culvert.Core;
using Culvert.Http2;
using Culvert.Interop.Sockets;
using Culvert.NodeAgent.Proxy;
using Culvert.NodeAgent.Proxy.Limits;
using Culvert.NodeAgent.Proxy.Loop;
using Culvert.NodeAgent.Proxy.Model;
using Culvert.NodeAgent.Proxy.Transport;
using Culvert.NodeAgent.Proxy.Tunnel;

namespace Culvert.ProxyBench;

/// <summary>
/// Datagrams through a tunnel and nothing else: a loop that sends as fast as it can, and one that counts, over TLS on loopback.
/// Tells how much CPU time each end spends per datagram.
/// </summary>
internal sealed class UdpTunnelBench : IHttp2Requests<TunnelConnection>, IDatagramSink, IDisposable
{
    private const int PerTurn = 64;

    private readonly ProxyOptions _options = new() { Loops = 1, Mark = SocketMark.None, Transparent = false };
    private readonly BenchMesh _source;
    private readonly BenchMesh _mesh;
    private readonly EventLoop _sending;
    private readonly EventLoop _counting;
    private readonly TunnelPool _client;
    private readonly TunnelHandshaker _server;
    private readonly HeaderList _answer = new();
    private readonly HandshakeGate _gate = new(1000, 1000);
    private readonly byte[] _payload;
    private readonly List<TunnelDatagramStream> _streams = [];
    private long _sent;
    private long _received;
    private bool _stop;

    private UdpTunnelBench(string directory, int size)
    {
        _payload = new byte[size];
        WorkloadInfo workload = new()
        {
            Uid = "x",
            Name = new NamespacedName("bench", "x"),
            ServiceAccount = "x",
            Identity = BenchPki.Id("destination"),
            Node = "bench",
            Addresses = [IPAddress.Loopback],
        };
        _mesh = new BenchMesh(workload, BenchPki.Load(directory, "destination"), null);
        _source = new BenchMesh(workload, BenchPki.Load(directory, "source"), null);
        _sending = new EventLoop(0, new EventLoopOptions(), TimeProvider.System, _source);
        _counting = new EventLoop(1, new EventLoopOptions(), TimeProvider.System, _mesh);
        HandshakeReporter reporter = Reporter(_source);
        CertificateWaiter certificates = new(_sending, _source, _options.CertificateTimeout);
        _client = new TunnelPool(
            _sending, _options.TunnelPoolOf(loops: 2), certificates, Handshaker(_sending, _source, reporter), reporter, new SharedBudget(_options.MaxTunnels), new TunnelEnds(), TimeProvider.System);
        _server = Handshaker(_counting, _mesh, Reporter(_mesh));
    }

    internal static async Task<int> RunAsync(string directory, int size, int seconds, int sessions)
    {
        using UdpTunnelBench bench = new(directory, size);
        ProxyListener listener = ProxyListener.BindForTunnels(new SocketEndPoint(IPAddress.Loopback, 0), 1, bench._options, sharePort: false);
        bench._counting.Start();
        bench._sending.Start();
        LoopListener accept = new(bench._counting, listener.Handle, (handle, peer) => _ = bench.AcceptAsync(handle, peer, listener.Local), _ => { });
        bench._counting.Post(accept.Watch);
        TunnelKey key = new(BenchPki.Id("source"), listener.Local, BenchPki.Id("destination"));
        for (int i = 0; i < sessions; i++)
        {
            OpenedStream<TunnelDatagramStream> opened = await await bench._sending.InvokeAsync(() => bench._client.OpenDatagramStreamAsync(
                key, static (headers, local) => DatagramHeaders.WriteRequest(headers, local, local), listener.Local, bench, bench._source).AsTask());
            if (opened.Stream is null)
            {
                await Console.Error.WriteLineAsync($"{opened.Failure} {opened.Detail}");
                return 1;
            }

            bench._streams.Add(opened.Stream);
        }

        bench._sending.Post(bench.Turn);
        await Task.Delay(TimeSpan.FromSeconds(2));
        (double s0, double c0) = (await bench._sending.InvokeAsync(ThreadSeconds), await bench._counting.InvokeAsync(ThreadSeconds));
        (long sent0, long got0, long started) = (Volatile.Read(ref bench._sent), Volatile.Read(ref bench._received), Stopwatch.GetTimestamp());
        await Task.Delay(TimeSpan.FromSeconds(seconds));
        double elapsed = Stopwatch.GetElapsedTime(started).TotalSeconds;
        (long sent, long got) = (Volatile.Read(ref bench._sent) - sent0, Volatile.Read(ref bench._received) - got0);
        (double s, double c) = (await bench._sending.InvokeAsync(ThreadSeconds) - s0, await bench._counting.InvokeAsync(ThreadSeconds) - c0);
        bench._stop = true;
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"{size} bytes, {sessions} sessions: {got / elapsed:F0}/s; sender {s * 1e9 / sent:F0} ns, receiver {c * 1e9 / got:F0} ns of CPU per datagram (busy {s / elapsed:P0} and {c / elapsed:P0})"));
        return 0;
    }

    public void Dispose()
    {
        _sending.Dispose();
        _counting.Dispose();
    }

    void IHttp2Requests<TunnelConnection>.OnRequest(TunnelConnection tunnel, Http2Stream stream, HeaderList headers, bool endStream)
    {
        _answer.Clear();
        _answer.AddStatus(200);
        _ = new TunnelDatagramStream(tunnel, stream, this, _mesh, sourcePorts: false);
        tunnel.Http2.SendHeaders(stream, _answer, endStream: false);
        tunnel.ScheduleFlush();
    }

    void IDatagramSink.OnDatagram(ReadOnlySpan<byte> payload, ushort sourcePort) => _received++;

    void IDatagramSink.OnIdle()
    {
    }

    void IDatagramSink.OnClosed(ProxyFailure failure)
    {
    }

    private async Task AcceptAsync(SocketHandle handle, SocketEndPoint peer, SocketEndPoint local)
    {
        LoopSocket socket = new(_counting, handle, connected: true);
        TlsIdentity identity = _mesh.Find(BenchPki.Id("destination"))!;
        (TunnelParts? parts, _, _) = await _server.AcceptAsync(_gate.TryEnter(peer, socket)!, peer, local, identity);
        if (parts is not null) await new TunnelConnection(parts, this, _options.Tunnels, TimeProvider.System).RunAsync();
    }

    private HandshakeReporter Reporter(BenchMesh mesh) => new(mesh, new LogThrottle<SocketEndPoint>(TimeProvider.System, _options.HandshakeLogInterval));

    private TunnelHandshaker Handshaker(EventLoop loop, BenchMesh mesh, HandshakeReporter reporter) => new(loop, _options.HandshakeTimeout, reporter, mesh, new PeerProofs(), TimeProvider.System);

    // As a burst of recvmmsg would come, spread over the sessions.
    private void Turn()
    {
        if (_stop) return;
        int next = (int)(_sent % _streams.Count);
        for (int i = 0; i < PerTurn; i++)
        {
            if (_streams[next].Send(_payload)) _sent++;
            if (++next == _streams.Count) next = 0;
        }

        _sending.Post(Turn);
    }

    private static double ThreadSeconds()
    {
        string[] fields = File.ReadAllText("/proc/thread-self/stat").Split(')')[^1].Split(' ');
        return (double.Parse(fields[12], CultureInfo.InvariantCulture) + double.Parse(fields[13], CultureInfo.InvariantCulture)) / 100;
    }
}
