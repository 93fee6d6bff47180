using Culvert.Core;
using Culvert.Http2;
using Culvert.NodeAgent.Proxy.Http.OwnCalls;
using Culvert.NodeAgent.Proxy.Http.Routing;
using Culvert.NodeAgent.Proxy.Model;

namespace Culvert.NodeAgent.Proxy.Http.Mirroring;

/// <summary>A copy of a request on its way to one mirror. Belongs to its loop's thread.</summary>
internal sealed class MirrorCall : OwnCall
{
    private readonly MirrorsOfClient _owner;
    private readonly MirrorRoom _room;
    private readonly MirrorCopy _copy;
    private readonly HttpRouteMirror _mirror;
    private readonly RequestRouting _routing;
    private int _status;

    /// <summary>Makes one; its place is taken.</summary>
    internal MirrorCall(MirrorsOfClient owner, MirrorRoom room, MirrorCopy copy, HttpRouteMirror mirror, RequestRouting routing)
        : base(room.Loop, room.Options, room.Servers, room.Options.Mirrors.Timeout)
    {
        (_owner, _room, _copy, _mirror, _routing) = (owner, room, copy, mirror, routing);
        Source = new MirrorSource(copy, this);
    }

    /// <inheritdoc/>
    public override bool IsHeadOnly => _copy.IsHeadOnly;

    /// <inheritdoc/>
    protected override HeaderList Request => _copy.Head;

    /// <inheritdoc/>
    protected override OwnSource Source { get; }

    /// <inheritdoc/>
    protected override RequestDirection Find() => _routing.Router.FindMirror(_mirror);

    /// <inheritdoc/>
    protected override ProxyConnectionInfo ClientFor(in OutboundRoute route) => _routing.Client;

    /// <inheritdoc/>
    protected override Http2Server FindHttp2(in OutboundRoute route) => _owner.FindHttp2(route);

    /// <inheritdoc/>
    protected override void OnResponse(HeaderList headers) => _status = headers.Status;

    /// <inheritdoc/>
    protected override void OnOver(CallFailure failure)
    {
        _copy.Release();
        _owner.OnOver(this);
        _room.Report(_mirror, IsAnswered ? (_status < 500 ? MirrorResult.Answered : MirrorResult.ServerError) : ResultOf(failure)); // whatever came after a whole answer
    }

    private static MirrorResult ResultOf(CallFailure failure) => failure switch
    {
        CallFailure.Refused or CallFailure.Malformed => MirrorResult.Refused,
        CallFailure.Unreachable => MirrorResult.Unreachable,
        CallFailure.NoRoom => MirrorResult.NoRoom,
        CallFailure.TooSlow => MirrorResult.TooSlow,
        _ => MirrorResult.Broken,
    };
}
