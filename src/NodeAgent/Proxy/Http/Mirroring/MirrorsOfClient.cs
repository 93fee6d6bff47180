using Culvert.Core;
using Culvert.Http2;
using Culvert.NodeAgent.Proxy.Http.OwnCalls;
using Culvert.NodeAgent.Proxy.Http.Routing;
using Culvert.NodeAgent.Proxy.Http.Translation;
using Culvert.NodeAgent.Proxy.Model;

namespace Culvert.NodeAgent.Proxy.Http.Mirroring;

/// <summary>Sends copies of the requests of one client's connection where their routes say; that connection waits for none of them, and does not hear of them. Belongs to its loop's thread.</summary>
/// <param name="routing">Where the requests go.</param>
/// <param name="room">What copies share.</param>
internal sealed class MirrorsOfClient(RequestRouting routing, MirrorRoom room) : OwnHttp2Servers
{
    private bool _isEnding;

    /// <summary>Begins with a request that goes on. Allocates nothing for one without mirrors.</summary>
    /// <param name="request">Its head, as it came.</param>
    /// <param name="direction">Where it goes.</param>
    /// <param name="isHeadOnly">Whether the head is all of it.</param>
    /// <returns>What takes its body; null: nobody does.</returns>
    internal IBodyCopy? Begin(HeaderList request, in RequestDirection direction, bool isHeadOnly)
    {
        if (direction.Hit is not { Rule.Filters.Mirrors: { IsEmpty: false } mirrors }) return null;
        List<HttpRouteMirror> drawn = [];
        foreach (HttpRouteMirror mirror in mirrors)
        {
            if (mirror.IsDrawn(Random.Shared)) drawn.Add(mirror);
        }

        if (drawn.Count == 0) return null;
        MirrorCopy copy = new(this, room, drawn);
        HeadTranslation.ToStream(routing.ForServer(request, direction with { Backend = null }), expectsContinue: false, copy.Head);
        copy.Head.Remove("expect"u8); // its body comes at once
        if (!copy.TryBegin()) return null;
        if (!isHeadOnly) return copy;
        copy.End(trailers: null);
        return null;
    }

    /// <summary>Sends a copy that is whole to one of its mirrors, in a moment: the request itself goes first.</summary>
    internal void Send(MirrorCopy copy, HttpRouteMirror mirror)
    {
        if (!room.TryTakePlace())
        {
            copy.Release();
            room.Report(mirror, MirrorResult.NoRoom);
            return;
        }

        MirrorCall call = new(this, room, copy, mirror, routing);
        Running.Add(call);
        _ = call.RunAsync();
    }

    /// <summary>The client's connection is over: connections of its copies end when those are.</summary>
    internal void End()
    {
        _isEnding = true;
        EndServers();
    }

    /// <summary>A copy is over.</summary>
    internal void OnOver(MirrorCall call)
    {
        Running.Remove(call);
        room.LeavePlace();
        if (_isEnding) EndServers();
    }

    /// <inheritdoc/>
    protected override Http2ServersOfClient MakeServers() => room.MakeHttp2Servers(this, routing.Client);
}
