using Culvert.Core;
using Culvert.Http2;
using Culvert.NodeAgent.Proxy.Http.Routing;
using Culvert.NodeAgent.Proxy.Http.Translation;
using Culvert.NodeAgent.Proxy.Loop;
using Culvert.NodeAgent.Proxy.Model;
using Culvert.NodeAgent.Proxy.Transport;

namespace Culvert.NodeAgent.Proxy.Http.Mirroring;

/// <summary>A copy of a request on its way to one mirror, by whatever version of HTTP. Belongs to its loop's thread.</summary>
internal sealed class MirrorCall : IHttp1Exchange, IHttp2Request
{
    private readonly MirrorsOfClient _owner;
    private readonly MirrorRoom _room;
    private readonly MirrorCopy _copy;
    private readonly HttpRouteMirror _mirror;
    private readonly MirrorSource _source;
    private readonly LoopTimer _deadline;
    private IExchangeLeg? _server;
    private Http2Leg? _stream;
    private bool _isAnswered; // whole
    private int _status;

    /// <summary>Makes one; its place is taken.</summary>
    internal MirrorCall(MirrorsOfClient owner, MirrorRoom room, MirrorCopy copy, HttpRouteMirror mirror)
    {
        (_owner, _room, _copy, _mirror) = (owner, room, copy, mirror);
        _source = new MirrorSource(copy, this);
        WaitingEntry = new LinkedListNode<IHttp2Request>(this);
        _deadline = new LoopTimer(static state => ((MirrorCall)state!).Finish(MirrorResult.TooSlow), this);
        room.Loop.Schedule(_deadline, room.Options.Mirrors.Timeout);
    }

    /// <summary>Where it goes by HTTP/2; null before that is known, and when it is over.</summary>
    internal Http2Server? Destination { get; private set; }

    /// <inheritdoc/>
    public HeaderList? Head => IsRunning ? _copy.Head : null;

    /// <inheritdoc/>
    public HeaderList? HeadForServer => Head;

    /// <inheritdoc/>
    public bool IsHeadOnly => _copy.IsHeadOnly;

    /// <inheritdoc/>
    public bool IsRunning { get; private set; } = true;

    /// <inheritdoc/>
    public LinkedListNode<IHttp2Request> WaitingEntry { get; }

    /// <inheritdoc/>
    public IHttp2StreamUser ServerStream => _stream ??= new Http2Leg(this);

    /// <summary>Sends it; by the time this returns it may be on its way only.</summary>
    /// <param name="routing">Where the requests of its client's connection go.</param>
    internal async Task RunAsync(RequestRouting routing)
    {
        try
        {
            // What goes wrong from here on is no matter of the request's own.
            await _room.Loop.YieldAsync(new LoopSignal());
            if (!IsRunning) return;
            RequestDirection direction = routing.Router.FindMirror(_mirror);
            if (direction.Refusal is not null) Finish(MirrorResult.Unreachable);
            else if (direction.Version == HttpKind.Http2) Begin(_owner.FindHttp2(direction.Route));
            else if (_room.Servers.TryTake(routing.KeyOf(direction.Route)) is { } idle) Begin(idle);
            else await ConnectAsync(routing.Client, direction.Route);
        }
        catch (Exception exception)
        {
            _room.Loop.ReportFault(exception);
            Finish(MirrorResult.Broken);
        }
    }

    /// <summary>No server was reached.</summary>
    internal void OnNotConnected(ProxyFailure failure) => Finish(failure is ProxyFailure.PolicyDenied or ProxyFailure.PolicyChanged ? MirrorResult.Refused : MirrorResult.Unreachable);

    /// <inheritdoc/>
    public IExchangeLeg Other(IExchangeLeg leg) => ReferenceEquals(leg, _source) ? _server! : _source;

    /// <inheritdoc/>
    public HeaderList ForServer(HeaderList head) => head;

    /// <inheritdoc/>
    public void GoTo(Http2Server server) => Destination = server;

    /// <inheritdoc/>
    /// <remarks>It is kept anyway.</remarks>
    public bool TryKeepHead(HeaderList head) => true;

    /// <inheritdoc/>
    public void Open(Http2Stream stream, bool keepsHead)
    {
        _server = _stream;
        (_stream!.Link, _stream.Gate) = (Destination!.Link, Destination.Gate);
        _stream.Begin(stream, hasEnded: false);
        if (!IsHeadOnly) _source.PassOn();
    }

    /// <inheritdoc/>
    public void Answer(RequestRefusal refusal) => Finish(refusal.Status == 502 ? MirrorResult.Broken : MirrorResult.Refused); // 502 is for what its server does

    /// <inheritdoc/>
    public bool TryResendAfterEnd() => false;

    /// <inheritdoc/>
    public void OnBrokenOff()
    {
        // That it is aborted is all that is asked of a copy.
    }

    /// <inheritdoc/>
    public void OnResponse(HeaderList headers, bool isFinal, bool endStream)
    {
        if (!isFinal) return;
        _status = headers.Status;
        if (endStream) OnPassedOn(_server!);
    }

    /// <inheritdoc/>
    public void OnPassedOn(IExchangeLeg from)
    {
        _isAnswered = true;

        // Whoever has answered may take the rest of the body or leave it, for as long as it likes.
        if (ReferenceEquals(from, _stream) && !IsHeadOnly && !_source.HasEnded) Finish(MirrorResult.Broken);
    }

    /// <inheritdoc/>
    /// <remarks>They are thrown away.</remarks>
    public bool TryHoldTrailers(HeaderList trailers) => true;

    /// <inheritdoc/>
    public void OnNotReceived() => Finish(MirrorResult.Broken);

    /// <inheritdoc/>
    public void Abort(Http2ErrorCode code) => Finish(MirrorResult.Broken);

    /// <inheritdoc/>
    public void OnReset(IExchangeLeg leg, Http2ErrorCode code, bool isConnectionBroken) => Finish(MirrorResult.Broken);

    /// <inheritdoc/>
    public void OnLegClosed() => Finish(MirrorResult.Broken);

    private async ValueTask ConnectAsync(ProxyConnectionInfo client, OutboundRoute route)
    {
        ServerConnection made = await _room.Servers.ConnectAsync(client, route, mayEndIdle: false);
        if (!IsRunning) made.Server?.Return(isReusable: true); // it has taken too long
        else if (made.Server is { } server) Begin(server);
        else OnNotConnected(made.Failure);
    }

    private void Begin(Http2Server server)
    {
        if (server.IsConnected && server.RefusalOf(_copy.Head) is { } refusal) Answer(refusal);
        else if (!server.TryTake(this, _copy.Head)) Finish(MirrorResult.NoRoom);
    }

    private void Begin(RoutedServer server)
    {
        Http1Leg leg = new(this, _room.Options, _room.Loop);
        _server = leg;
        if (leg.Begin(server, _copy.Head, IsHeadOnly) is { } refusal) Answer(refusal);
        else _source.PassOn();
    }

    private void Finish(MirrorResult result)
    {
        if (!IsRunning) return;
        IsRunning = false;
        _room.Loop.Timers.Cancel(_deadline);
        _source.Clear();
        Http2Server? destination = Destination;
        Destination = null;
        destination?.Leave(this);
        _server?.Abandon();
        destination?.ServeWaiting(); // by its stream another may go
        _copy.Release();
        _owner.OnOver(this);
        _room.Report(_mirror, !_isAnswered ? result : _status < 500 ? MirrorResult.Answered : MirrorResult.ServerError); // whatever came after a whole answer
    }
}
