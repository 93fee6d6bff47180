using System.Runtime.CompilerServices;
using Culvert.Http2;
using Culvert.Interop.Sockets;
using Culvert.NodeAgent.Proxy.Limits;
using Culvert.NodeAgent.Proxy.Loop;
using Culvert.NodeAgent.Proxy.Model;
using Culvert.NodeAgent.Proxy.Transport;

namespace Culvert.NodeAgent.Proxy.Tunnel;

/// <summary>
/// The tunnels one loop has opened. A stream goes to the first tunnel of its key that has room; while one is being made, as many
/// wait for it as it will take. Belongs to its loop's thread.
/// </summary>
internal sealed class TunnelPool
{
    // Enough for a tunnel that fills up or drains between being found and being used.
    private const int Attempts = 4;

    // Between two attempts to prove anew, as a peer may be away for long.
    private static readonly TimeSpan ProofPause = TimeSpan.FromSeconds(1);

    // Between two attempts at another tunnel that is only wished for, when one has failed.
    private static readonly TimeSpan SpreadPause = TimeSpan.FromSeconds(30);

    private readonly EventLoop _loop;
    private readonly TunnelPoolOptions _options;
    private readonly CertificateWaiter _certificates;
    private readonly TunnelHandshaker _handshaker;
    private readonly HandshakeReporter _reporter;
    private readonly SharedBudget _budget;
    private readonly TunnelEnds _ends;
    private readonly TimeProvider _time;
    private readonly Dictionary<TunnelKey, TunnelGroup> _groups = [];

    // Requests being written; not in use across an await.
    private readonly HeaderList _headers = new();

    /// <summary>A pool without tunnels.</summary>
    /// <param name="loop">The loop.</param>
    /// <param name="options">Limits and time limits.</param>
    /// <param name="certificates">Credentials of this node's identities.</param>
    /// <param name="handshaker">Makes tunnels of connections.</param>
    /// <param name="reporter">Hears what becomes of peers after their handshake.</param>
    /// <param name="budget">Places of tunnels that this side opens, over all loops.</param>
    /// <param name="ends">Is told of each.</param>
    /// <param name="time">The clock.</param>
    internal TunnelPool(
        EventLoop loop, TunnelPoolOptions options, CertificateWaiter certificates, TunnelHandshaker handshaker, HandshakeReporter reporter, SharedBudget budget, TunnelEnds ends,
        TimeProvider time)
    {
        _loop = loop;
        _options = options;
        _certificates = certificates;
        _handshaker = handshaker;
        _reporter = reporter;
        _budget = budget;
        _ends = ends;
        _time = time;
    }

    /// <summary>Tunnels open now.</summary>
    internal int Count { get; private set; }

    /// <summary>Opens a CONNECT stream for bytes and waits for its answer.</summary>
    /// <param name="key">Who to whom.</param>
    /// <param name="writeHeaders">Fills the request when it is sent.</param>
    /// <param name="state">Passed to <paramref name="writeHeaders"/>.</param>
    /// <returns>The stream, whose <see cref="StreamTransport.ResponseStatus"/> is 200, or null and the failure.</returns>
    internal ValueTask<OpenedStream<StreamTransport>> OpenStreamAsync<TState>(
        TunnelKey key, Action<HeaderList, TState> writeHeaders, TState state) =>
        OpenAsync(key, writeHeaders, state, 0, static (tunnel, stream, _) => new StreamTransport(tunnel, stream));

    /// <summary>Opens a CONNECT-UDP stream (RFC 9298) and waits for its answer. The parameters are those of <see cref="OpenStreamAsync"/>, and</summary>
    /// <param name="key">Who to whom.</param>
    /// <param name="writeHeaders">Fills the request, with <see cref="DatagramHeaders.WriteRequest"/> and the client's address.</param>
    /// <param name="state">Passed to <paramref name="writeHeaders"/>.</param>
    /// <param name="sink">Takes what comes back; not called when there is no stream, but perhaps before this returns.</param>
    /// <param name="observer">Hears of dropped datagrams.</param>
    internal ValueTask<OpenedStream<TunnelDatagramStream>> OpenDatagramStreamAsync<TState>(
        TunnelKey key, Action<HeaderList, TState> writeHeaders, TState state, IDatagramSink sink, IProxyObserver observer) =>
        OpenAsync(
            key with { IsForDatagrams = true }, writeHeaders, state, (sink, observer),
            static (tunnel, stream, s) => new TunnelDatagramStream(tunnel, stream, s.sink, s.observer, sourcePorts: false));

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    private async ValueTask<OpenedStream<TStream>> OpenAsync<TStream, TState, TMake>(
        TunnelKey key, Action<HeaderList, TState> writeHeaders, TState state,
        TMake makeState, Func<TunnelConnection, Http2Stream, TMake, TStream> make)
        where TStream : class, IOpeningStream
    {
        OpenedStream<TStream> result = default;
        bool broken = false;
        for (int attempt = 0; attempt < Attempts; attempt++)
        {
            (TunnelConnection? tunnel, ProxyFailure failure, string? detail) = await GetTunnelAsync(key);
            if (tunnel is null) return new OpenedStream<TStream>(null, failure, detail);
            if (key.IsForDatagrams && !tunnel.Http2.PeerAllowsExtendedConnect)
            {
                // A server speaks first; whoever asks again finds another tunnel when this one has become full meanwhile.
                if (await tunnel.SettingsAsync() && !tunnel.Http2.PeerAllowsExtendedConnect)
                {
                    if (!tunnel.IsWithoutUdpReported) _reporter.ReportWithoutUdp(tunnel.Parts);
                    tunnel.IsWithoutUdpReported = true;
                    return new OpenedStream<TStream>(null, ProxyFailure.UdpUnsupported, "the destination's proxy does not offer extended CONNECT");
                }

                if (!tunnel.Http2.CanOpenStream || tunnel.Http2.OpenStreams >= StreamsPerTunnel(key))
                {
                    result = new OpenedStream<TStream>(null, tunnel.WasRefused ? ProxyFailure.TlsHandshake : ProxyFailure.TunnelReset, tunnel.CloseReason);
                    continue;
                }
            }

            _headers.Clear();
            writeHeaders(_headers, state);
            Http2Stream? stream = tunnel.Http2.OpenStream(_headers, endStream: false, null);
            if (stream is null)
            {
                result = new OpenedStream<TStream>(null, ProxyFailure.Overload, "no tunnel had room");
                continue;
            }

            tunnel.ScheduleFlush();
            TStream opening = make(tunnel, stream, makeState);
            result = await WaitForResponseAsync(tunnel, opening);
            if (result.Failure == ProxyFailure.None) return result;

            // No byte of the client has been sent yet, so another tunnel may be tried: after a refusal, and once after a break.
            bool again = opening.IsRetryable || (result.Failure == ProxyFailure.TunnelReset && !broken);
            broken |= result.Failure == ProxyFailure.TunnelReset;
            if (!again) return result;
        }

        return result;
    }

    /// <summary>Lets tunnels made with replaced credentials drain, and ends those whose peers were revoked.</summary>
    internal void DrainStale()
    {
        foreach (TunnelGroup group in _groups.Values)
        {
            TlsIdentity? current = _certificates.Current(group.Key.Source);
            foreach (TunnelConnection tunnel in group.Tunnels.ToArray())
            {
                tunnel.CheckTrust();
                if (!ReferenceEquals(tunnel.Parts.Identity, current)) tunnel.Drain();
            }
        }
    }

    /// <summary>Lets all tunnels drain.</summary>
    internal void DrainAll()
    {
        foreach (TunnelConnection tunnel in AllTunnels()) tunnel.Drain();
    }

    /// <summary>Closes all tunnels.</summary>
    internal void CloseAll()
    {
        foreach (TunnelConnection tunnel in AllTunnels()) tunnel.Close();
    }

    /// <summary>Closes those of a space, which has been given up.</summary>
    internal void CloseOf(PodSpace space)
    {
        foreach (TunnelConnection tunnel in _groups.Values.Where(g => g.Key.Space == space).SelectMany(g => g.Tunnels).ToArray()) tunnel.Close();
    }

    private TunnelConnection[] AllTunnels() => [.. _groups.Values.SelectMany(g => g.Tunnels)];

    private async ValueTask<OpenedStream<TStream>> WaitForResponseAsync<TStream>(TunnelConnection tunnel, TStream opening)
        where TStream : class, IOpeningStream
    {
        LoopTimer deadline = new(static state => ((IOpeningStream)state!).Abort(ProxyFailure.ConnectTimeout, Http2ErrorCode.Cancel), opening);
        _loop.Schedule(deadline, _options.StreamTimeout);
        if (!opening.IsEnded && opening.ResponseStatus == 0) await opening.Response.WaitAsync();
        _loop.Timers.Cancel(deadline);
        if (opening.IsEnded)
        {
            return tunnel.WasRefused
                ? new OpenedStream<TStream>(null, ProxyFailure.TlsHandshake, $"refused by the peer: {tunnel.CloseReason}")
                : new OpenedStream<TStream>(null, opening.Failure, tunnel.CloseReason);
        }

        int status = opening.ResponseStatus;
        ProxyFailure failure = ConnectStatus.Meaning(status);
        if (failure == ProxyFailure.None) return new OpenedStream<TStream>(opening, failure, null, tunnel.Parts.TlsGroup);
        opening.Abort(failure, Http2ErrorCode.Cancel);
        return new OpenedStream<TStream>(null, failure, $"the destination's proxy answered {status}");
    }

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    private async ValueTask<(TunnelConnection? Tunnel, ProxyFailure Failure, string? Detail)> GetTunnelAsync(TunnelKey key)
    {
        for (int attempt = 0; attempt < Attempts; attempt++)
        {
            TlsIdentity? identity = await _certificates.FindAsync(key.Source);
            if (identity is null) return (null, ProxyFailure.NoCertificate, null);
            if (!_groups.TryGetValue(key, out TunnelGroup? group)) _groups.Add(key, group = new TunnelGroup(key));
            TunnelConnection? tunnel = group.Pick(identity, StreamsPerTunnel(key));
            if (tunnel is not null) return (tunnel, ProxyFailure.None, null);

            // As many tunnels are made as those who wait will fill.
            if (group.Waiting >= group.Connecting * StreamsPerTunnel(key)) _ = ConnectAsync(group, identity);
            if (await group.WaitAsync()) continue;

            // No further tunnel: one that is full by our measure, but not by the peer's, is better than none.
            tunnel = group.Pick(identity, int.MaxValue);
            return tunnel is not null ? (tunnel, ProxyFailure.None, null) : (null, group.LastFailure, group.LastDetail);
        }

        // The certificate was replaced during each attempt: a tunnel made a moment ago with the one before is as good.
        TunnelConnection? recent = _groups.TryGetValue(key, out TunnelGroup? last) ? last.PickAny() : null;
        return recent is not null ? (recent, ProxyFailure.None, null) : (null, ProxyFailure.Overload, "no tunnel had room");
    }

    /// <summary>
    /// Makes another tunnel for a group whose streams would otherwise outlive the certificates that they were opened with: both sides see each other's
    /// present ones, and the streams may go on where they are.
    /// </summary>
    private void ProveAnew(TunnelKey key)
    {
        if (_certificates.Current(key.Source) is not { } identity) return;
        if (!_groups.TryGetValue(key, out TunnelGroup? group)) _groups.Add(key, group = new TunnelGroup(key));
        if (group.Connecting > 0 || _time.GetElapsedTime(group.LastProof) < ProofPause) return;
        group.LastProof = _time.GetTimestamp();
        _ = ConnectAsync(group, identity);
    }

    /// <summary>Makes another tunnel for sessions to come, where packets are lost: one that is lost holds up those of its own tunnel only.</summary>
    private void Spread(TunnelGroup group)
    {
        if (_certificates.Current(group.Key.Source) is not { } identity || group.Connecting > 0) return;
        if (group.LastFailure != ProxyFailure.None && _time.GetElapsedTime(group.LastFailureTime) < SpreadPause) return;
        if (group.CountUsable(identity) < _options.LossyTunnels) _ = ConnectAsync(group, identity);
    }

    private async Task ConnectAsync(TunnelGroup group, TlsIdentity identity)
    {
        group.Connecting++;
        TunnelConnection? tunnel = null;
        using BudgetLease lease = new(_budget, BudgetHolder.Of(group.Key.Source), group.Key.From);
        try
        {
            // The caller has to be among those who wait before this can fail.
            await _loop.YieldAsync(new LoopSignal());
            group.LastFailure = ProxyFailures.FromBudget(lease.TryTake());
            if (group.LastFailure == ProxyFailure.None) tunnel = await MakeTunnelAsync(group, identity);
            else group.LastDetail = "too many tunnels";
        }
        catch (Exception exception)
        {
            _loop.ReportFault(exception);
            group.LastFailure = ProxyFailure.ProxyFault;
        }

        group.Connecting--;
        if (tunnel is null)
        {
            group.LastFailureTime = _time.GetTimestamp();
            if (group.Connecting == 0) group.FailAll();
            RemoveIfEmpty(group);
            return;
        }

        group.Tunnels.Add(tunnel);
        Count++;
        ValueTask running = tunnel.RunAsync();
        if (group.Key.Space is { IsClosed: true }) tunnel.Close();
        if (!tunnel.IsClosed)
        {
            group.Wake(StreamsPerTunnel(group.Key));
            if (group.Waiting > group.Connecting * StreamsPerTunnel(group.Key)) _ = ConnectAsync(group, identity);
        }
        else if (group.Connecting == 0)
        {
            group.LastFailure = tunnel.WasRefused ? ProxyFailure.TlsHandshake : ProxyFailure.TunnelReset;
            group.LastDetail = tunnel.CloseReason;
            group.FailAll();
        }

        await running;
        _ends.Remove(tunnel.Parts.Local, tunnel.Parts.Peer);
        Count--;
        group.Tunnels.Remove(tunnel);
        RemoveIfEmpty(group);

        // In TLS 1.3 a client has finished before the server has looked at its certificate: a refusal comes as the first thing read.
        if (tunnel.WasRefused) _reporter.ReportRefusal(tunnel.Parts, tunnel.CloseReason!);
    }

    private int StreamsPerTunnel(in TunnelKey key) => key.IsForDatagrams ? _options.DatagramStreamsPerTunnel : _options.StreamsPerTunnel;

    private void RemoveIfEmpty(TunnelGroup group)
    {
        if (group.Tunnels.Count == 0 && group.Connecting == 0 && group.Waiting == 0) _groups.Remove(group.Key);
    }

    // In a pod's namespace the pod's address is no other's, so answers to it are not captured.
    private DialOptions DialOf(in TunnelKey key) => _options.Dial with { Source = key.From, Space = key.Space, Transparent = _options.Dial.Transparent && key.Space is null };

    private async ValueTask<TunnelConnection?> MakeTunnelAsync(TunnelGroup group, TlsIdentity identity)
    {
        DialResult dial = await Dialer.ConnectAsync(_loop, group.Key.Dial, DialOf(group.Key));
        if (dial.Socket is null)
        {
            group.LastFailure = ProxyFailures.FromConnect(dial.Error);
            group.LastDetail = $"connect to {group.Key.Dial}: {dial.Error}";
            return null;
        }

        _ = dial.Socket.Handle.GetLocalEndPoint(out SocketEndPoint local);
        _ends.Add(local, group.Key.Dial);
        TunnelParts? parts = null;
        try
        {
            (parts, group.LastFailure, group.LastDetail) = await _handshaker.ConnectAsync(dial.Socket, group.Key.Dial, local, identity, group.Key.Expected);
        }
        finally
        {
            if (parts is null) _ends.Remove(local, group.Key.Dial);
        }

        return parts is null ? null : new TunnelConnection(parts, requests: null, _options.Tunnels, _time)
        {
            Distrusted = (tunnel, doubt) => _reporter.ReportDistrust(tunnel.Parts, isServer: false, doubt),
            ProofDue = () => ProveAnew(group.Key),
            LossSeen = () => Spread(group),
        };
    }
}
