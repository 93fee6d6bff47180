using Culvert.Http2;
using Culvert.NodeAgent.Proxy.Http.Caching;
using Culvert.NodeAgent.Proxy.Http.Translation;
using Culvert.NodeAgent.Proxy.Kept;
using Culvert.NodeAgent.Proxy.Model;

namespace Culvert.NodeAgent.Proxy.Http;

/// <content>Requests that are answered with responses that are kept.</content>
internal sealed partial class Http2Exchange
{
    private CachedRequest? _cached; // once a port has had responses kept
    private KeptLeg? _kept;
    private int _heldByCache;

    /// <inheritdoc/>
    public bool TryAnswerKept(ResponseCache cache, bool isAuthorized, ref HeaderList forServer)
    {
        _cached ??= new CachedRequest();
        ForgetCopies();
        int bytes = 2 * HeadRoom.BytesOf(forServer);
        bool hasRoom = IsHeadOnly && _relay.Room.TryHold(bytes);
        CacheStep step = _cached.Begin(cache, forServer, IsHeadOnly, isAuthorized, hasRoom);
        if (hasRoom) _heldByCache = bytes;
        if (!_cached.HasRequest) ForgetCopies();
        if (step == CacheStep.Validate) forServer = _cached.Conditional();
        if (step != CacheStep.Answer) return false;
        Approval = null;
        AnswerKept(isAsked: false);
        return true;
    }

    // False when what is kept answers the request, and not the response that has come.
    private bool TryPassOn(CachedRequest cached, ref HeaderList headers, bool endStream)
    {
        if (cached.OnResponse(headers, isEndKnown: Server is not Http1Leg { IsEndKnown: false }) is { } passed)
        {
            headers = passed;
            if (cached.TakeCapture() is not { } capture) return true;
            if (endStream) capture.End(trailers: null);
            else if (Server is Http1Leg leg) leg.Copy = capture;
            else _serverStream.Copy = capture;
            return true;
        }

        AnswerKept(isAsked: true);
        return false;
    }

    // A connection of HTTP/1.1 that has answered ends its part by itself.
    private void AnswerKept(bool isAsked)
    {
        IRequestObserver? requests = Requests;
        if (!isAsked) _try.NotAsked();
        if (!isAsked || Server is not Http1Leg) Server.Abandon();
        HeaderList head = _cached!.Answer(out ReadOnlyMemory<byte> body);
        _kept ??= new KeptLeg(this);
        _kept.Begin(body, requests);
        Server = _kept;
        _status = head.Status;
        Client.HeadersPassed(withEnd: true);
        if (body.IsEmpty) OnPassedOn(Server, trailers: null);
        Client.SendHeaders(_relay.ForClient(this, head), endStream: body.IsEmpty);
        _cached.OnSent();
        _kept.PassOn();
    }

    // Of its head, for its response to be kept.
    private void ForgetCopies()
    {
        _relay.Room.Drop(_heldByCache);
        _heldByCache = 0;
    }
}
