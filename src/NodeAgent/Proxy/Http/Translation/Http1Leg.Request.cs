using Culvert.Http1;
using Culvert.Http2;
using Culvert.NodeAgent.Proxy.Http.Routing;
using Culvert.NodeAgent.Proxy.Kept;
using Culvert.NodeAgent.Proxy.Model;

namespace Culvert.NodeAgent.Proxy.Http.Translation;

/// <content>From the client to the server.</content>
internal sealed partial class Http1Leg
{
    private readonly HeaderList _trailers = new();
    private bool _inChunks;
    private bool _isHead;
    private bool _isAuthorized; // for somebody in particular
    private bool _takesNothing; // it may have answered before it broke: whoever reads answers finds out

    /// <summary>Sends a request's head.</summary>
    /// <param name="taken">The connection; nobody else's until the request is over.</param>
    /// <param name="request">The head, as a server of HTTP/2 would get it.</param>
    /// <param name="isHeadOnly">Whether that is all.</param>
    /// <returns>What the request is answered with in the server's place; null: it is on its way, or will be when external authorizers allow it.</returns>
    internal RequestRefusal? Begin(RoutedServer taken, HeaderList request, bool isHeadOnly)
    {
        Begin(taken);
        if ((StreamRequestForm.RefusalOf(request, _options.Limits, isHostCompared: true) ?? StreamRequestForm.ValueRefusalOf(request)) is { } refusal) return NotSent(RequestRefusal.Of(refusal));
        if (taken.Server.Gate.Ask(request, out HeaderList forServer) is { } denial) return NotSent(denial);
        (_isHeadOnly, _isAuthorized) = (isHeadOnly, taken.Server.Gate.IsAuthorized(request));
        _approval = taken.Server.Gate.BeginApproval(forServer, taken.Server.Gate.Due, _onApproved ??= OnApproved);
        if (_approval is null) return SendHead(taken, forServer);
        return _approval.IsDone ? SendApproved(taken) : null;
    }

    private RequestRefusal? SendHead(RoutedServer taken, HeaderList request)
    {
        bool isHeadOnly = _isHeadOnly;
        if (taken.Server.Gate.Responses is { } cache && TryAnswerKept(cache, ref request)) return null;
        HeaderList fields = _loop.Heads.Rent(request.Bytes, request.Count);
        bool expectsContinue = HeadTranslation.OfRequest(_exchange.Traced(request), isHeadOnly, fields, out bool hasLength);
        _isHead = request.Method.SequenceEqual("HEAD"u8);
        _inChunks = !isHeadOnly && !hasLength;
        HeadForm form = new() { IsChunked = _inChunks, ExpectsContinue = expectsContinue && !isHeadOnly };
        bool isShort = Http1HeadWriter.TryWriteRequest(fields, form, _loop.Joined, out int length) && !_options.IsTooLong(fields, length);
        _loop.Heads.Return(fields);
        if (!isShort) return NotSent(RequestRefusal.LongHead);
        if (!taken.Server.Side.Output.Write(_loop.Joined.AsSpan(0, length))) OnServerTakesNothing(taken.Server.Side);
        _loop.ScheduleFlush(this);
        return null;
    }

    /// <inheritdoc/>
    public int Send(ReadOnlySpan<byte> data)
    {
        if (_approval is not null || _taken is not { Server.Side: { } side }) return 0;
        int sent = 0;
        if (!_takesNothing)
        {
            sent = BodyFraming.Write(side, data, _inChunks, out bool isBroken);
            if (isBroken) OnServerTakesNothing(side);
        }

        _loop.ScheduleFlush(this);
        return _takesNothing ? data.Length : sent;
    }

    /// <inheritdoc/>
    public void End(HeaderList? trailers)
    {
        if (_taken is not { Server.Side: { } side } || _isRequestWhole) return;
        if (_approval is not null)
        {
            HoldEnd(trailers);
            return;
        }

        _isRequestWhole = true;
        if (_inChunks && !_takesNothing && !WriteEnd(side, trailers)) OnServerTakesNothing(side);
        _loop.ScheduleFlush(this);
    }

    // It goes back as it was, if so.
    private bool TryAnswerKept(ResponseCache cache, ref HeaderList request)
    {
        _isUnused = true;
        bool isAnswered = _exchange.TryAnswerKept(cache, _isAuthorized, ref request);
        if (!isAnswered) _isUnused = false;
        return isAnswered;
    }

    // The connection is as it was.
    private RequestRefusal NotSent(RequestRefusal refusal)
    {
        _isUnused = true;
        return refusal;
    }

    private bool WriteEnd(HttpSide side, HeaderList? trailers)
    {
        HeadTranslation.OfTrailers(trailers, _options.Limits, _trailers);
        _taken?.Server.Gate.Clean(_trailers);
        return BodyFraming.WriteEnd(side, _trailers);
    }

    private void OnServerTakesNothing(HttpSide side)
    {
        if (_takesNothing) return;
        if (side.Output.Failure == ProxyFailure.Overload)
        {
            _exchange.Abort(Http2ErrorCode.EnhanceYourCalm);
            return;
        }

        side.Output.Clear();
        _takesNothing = _isLast = _hasNews = true;
        _loop.ScheduleFlush(this);
    }
}
