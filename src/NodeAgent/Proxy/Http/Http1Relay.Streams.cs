using Culvert.Http1;
using Culvert.Http2;
using Culvert.NodeAgent.Proxy.Http.Routing;
using Culvert.NodeAgent.Proxy.Http.Translation;
using Culvert.NodeAgent.Proxy.Loop;
using Culvert.NodeAgent.Proxy.Model;

namespace Culvert.NodeAgent.Proxy.Http;

/// <content>Requests that go on by HTTP/2. What their server does comes here when it does it; whatever is called by it goes on with <see cref="Advance"/>.</content>
internal sealed partial class Http1Relay
{
    private readonly HeaderList _responseOfStream = new();
    private readonly Func<IHttp2ServerUser, Http2ServersOfClient>? _makeHttp2Servers;
    private Http2Call? _call;

    /// <inheritdoc/>
    bool IFlushable.IsFlushScheduled { get; set; }

    /// <inheritdoc/>
    void IFlushable.Flush() => Advance();

    /// <summary>Has what was written go out at the end of this turn.</summary>
    internal void AdvanceSoon() => Loop.ScheduleFlush(this);

    /// <summary>The server that the request waits for is connected.</summary>
    internal void OnServerConnected() => _try.EndPend();

    /// <summary>The request is on its way.</summary>
    /// <param name="isWhole">Whether all of it is.</param>
    internal void OnOpened(bool isWhole)
    {
        _try.EndPend();
        _exchange.IsRequestWhole = isWhole;
        _requestPart = isWhole ? RequestPart.Answer : RequestPart.Body;
        AdvanceSoon();
    }

    /// <summary>The request is answered in the server's place.</summary>
    internal void OnRefused(RequestRefusal refusal)
    {
        Refuse(refusal);
        AdvanceSoon();
    }

    /// <summary>No server was reached.</summary>
    /// <param name="failure">Why not.</param>
    internal void OnNotConnected(ProxyFailure failure)
    {
        _call!.Abandon();
        (_made, _isMade, _requestPart) = (new ConnectOutcome(null, failure), true, RequestPart.Server);
        AdvanceSoon();
    }

    /// <summary>The server that it has waited for is gone, and has seen nothing of it.</summary>
    /// <param name="failure">Why, so far as it is the server's failure.</param>
    internal void OnServerLost(ProxyFailure failure)
    {
        _try.End(failure);
        OnNotConnected(ProxyFailure.ConnectFailed);
    }

    /// <summary>An interim response has come.</summary>
    internal void OnInterim(HeaderList headers)
    {
        HeadTranslation.OfResponse(headers, isBare: false, isHead: false, _responseOfStream);
        if (ForwardInterim(_responseOfStream)) AdvanceSoon();
    }

    /// <summary>The head of the response has come.</summary>
    /// <param name="headers">The head.</param>
    /// <param name="isBare">Whether nothing follows.</param>
    internal void OnResponse(HeaderList headers, bool isBare)
    {
        AdvanceSoon();
        if (TryAgainFor(headers.Status)) return;
        _hedges?.End();
        HeaderList? fields = _cached is { } cached ? cached.OnResponse(headers, isEndKnown: true) : headers;
        if (!_call!.Grpc.IsDecidedAtEnd(headers.Status)) _try.Answered(headers.Status);
        else if (isBare) _try.Answered(_call.Grpc.Outcome);
        else _try.Begun();
        if (fields is null)
        {
            _call.DropResponse();
            AnswerKept();
            return;
        }

        Http1Head request = _exchange.Request;
        bool hasLength = HeadTranslation.OfResponse(_routing!.ForClient(fields, _direction), isBare, _exchange.IsHead, _responseOfStream);
        bool hasEnd = hasLength || isBare || _exchange.IsHead || headers.Status is 204 or 304;
        _exchange.IsLast |= _exchange.IsBodyUnasked || (request.IsVersion10 && !hasEnd);
        bool inChunks = !request.IsVersion10 && !hasEnd;
        if (!WriteFinal(_responseOfStream, inChunks)) return;
        _responsePart = ResponsePart.Body;
        _call.BeginResponseBody(inChunks, isBare, _cached?.TakeCapture());
        if (isBare) OnResponseWhole();
    }

    /// <summary>All of the response has been written.</summary>
    internal void OnResponseWhole()
    {
        if (_responsePart == ResponsePart.Body) _responsePart = ResponsePart.Sending;
        AdvanceSoon();
    }

    /// <summary>All of a response has come by the stream that had more than a head.</summary>
    /// <param name="call">What it says as one to a caller of gRPC.</param>
    internal void OnResponseCame(in GrpcCall call)
    {
        if (call.IsDecidedAtEnd(_exchange.Status)) _try.Answered(call.Outcome);
    }

    /// <summary>The server has answered, and wants no more of the request.</summary>
    internal void OnUnwanted()
    {
        _exchange.IsLast |= !_exchange.IsRequestWhole;
        AdvanceSoon();
    }

    /// <summary>The server has reset the request's stream, or its connection is gone.</summary>
    /// <param name="isRefused">Whether it has refused the request unseen.</param>
    /// <param name="isConnectionBroken">Whether the connection is gone.</param>
    internal void OnServerReset(bool isRefused, bool isConnectionBroken)
    {
        AdvanceSoon();
        if (_responsePart == ResponsePart.Sending || !_exchange.IsOpen) OnUnwanted();
        else if (_exchange.HasResponse)
            EndBrokenResponse();
        else if (!(isRefused || isConnectionBroken) || !TryResend(isRefused))
            AnswerForReset(isRefused, isConnectionBroken);
    }

    private void EndBrokenResponse()
    {
        _try.End(TryOutcome.Bad);
        Abort(ProxyFailure.ApplicationReset);
    }

    private void AnswerForReset(bool isRefused, bool isConnectionBroken)
    {
        if (isRefused) _try.End(TryOutcome.Unknown); // it has seen nothing of it
        AnswerForServer(isConnectionBroken ? RequestRefusal.BrokenConnection : RequestRefusal.ServerReset);
    }

    private Http2Call MakeCall() => _call ??= new Http2Call(this, _client, _makeHttp2Servers!, _options.Limits);

    private bool SendByStream(RequestRouting routing)
    {
        if (!MakeCall().IsConnectedTo(_direction.Route) && !_try.TryPend()) return RefusePending(_direction);
        (_requestPart, _isServersLast) = (RequestPart.Server, false);
        _call!.Begin(_direction.Route, routing.ForServer(_exchange.Request.Fields, _direction), _exchange.Request, _copy);
        return true;
    }
}
