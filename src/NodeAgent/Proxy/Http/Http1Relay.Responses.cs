using Culvert.Http1;
using Culvert.Http2;
using Culvert.NodeAgent.Proxy.Model;
using Culvert.NodeAgent.Proxy.Relay;
using Culvert.NodeAgent.Proxy.Transport;

namespace Culvert.NodeAgent.Proxy.Http;

/// <content>From the server to the client.</content>
internal sealed partial class Http1Relay
{
    private readonly BodyPump _responseBodies;

    private ResponsePart _responsePart;

    // Which part of what the server says comes next.
    private enum ResponsePart
    {
        Beginning, // it is not known yet what the client speaks
        Head,
        Body,
        Kept, // a body that is kept is passed on in the place of one of the server
        Sending, // all of a response has been passed on, and may still wait for the client
        Bytes,
        End,
    }

    private void AdvanceResponses()
    {
        for (int heads = 0; !IsEnded && !_isEnding && !_client.Output.IsBlocked;)
        {
            if (_responsePart == ResponsePart.Head && heads++ == RelayDirection.ReadsPerTurn)
            {
                _server?.Side.AwaitTurn();
                return;
            }

            bool isDone = _responsePart switch
            {
                ResponsePart.Beginning => WatchServer(),
                ResponsePart.Head => TakeResponse(),
                ResponsePart.Body => PassResponseBody(),
                ResponsePart.Kept => PassKept(),
                ResponsePart.Sending => EndResponse(),
                ResponsePart.Bytes => PassBytes(_responseBodies, _server!.Side, _client),
                _ => false,
            };
            if (!isDone) return;
        }
    }

    // Until it is known what the client speaks nothing is taken of what the server says; but that it has ended, as servers do that are not asked for a while, is for the client to know.
    private bool WatchServer()
    {
        if (_server?.Side is not { Transport: IPeekableTransport transport } server) return false;
        TransportResult peeked = transport.Peek(Loop.Joined.AsSpan(0, 1));
        if (peeked.IsOver) BeginEnd();
        else if (peeked.Count == 0) server.AwaitReadable();
        return false;
    }

    private bool TakeResponse()
    {
        if (_server is not { } server || _requestPart is RequestPart.Server or RequestPart.Approval or RequestPart.Pause) return false;
        if (!_exchange.IsOpen) return WatchIdleServer(server);
        HeadRead read = _hasHedgesHead ? HeadRead.Read : server.Responses.ReadResponse(_exchange.IsHead, _exchange.Response);
        _hasHedgesHead = false;
        switch (read)
        {
            case HeadRead.Nothing:
                return false;
            case HeadRead.Read:
                return ForwardResponse(server);
            case HeadRead.Refused:
                AnswerForServer(RequestRefusal.BadResponse(server.Responses.Refusal!.Reason));
                return false;
            case HeadRead.Overload:
                Abort(ProxyFailure.Overload);
                return false;
            case var _ when _routing is not null && TryResendAfterEnd(server):
                return false;
            case var _ when _routing is null && _exchange.Count > 1:
                // Requests that meet the end of a connection that is used again are for the client to repeat, which it does when it sees that end (RFC 9112, section 9.3.1).
                BeginEnd();
                return false;
            case HeadRead.Ended:
                AnswerForServer(RequestRefusal.NoAnswer);
                return false;
            default:
                AnswerForServer(RequestRefusal.BrokenConnection);
                return false;
        }
    }

    // That it has ended is for the client to know; what it says that nobody has asked for must not be taken for an answer to the next request.
    private bool WatchIdleServer(Http1Server server)
    {
        if (server.Side.Input.Bytes.IsEmpty && server.Responses.ReceiveMore() == HeadRead.Nothing) return false;
        _isServersLast = true;
        if (_routing is null) BeginEnd();
        return false;
    }

    private void AnswerForServer(RequestRefusal refusal)
    {
        if (!TryFail(TryOutcome.Bad)) AnswerLast(refusal);
    }

    // False when the connection goes no further by this side.
    private bool ForwardResponse(Http1Server server)
    {
        Http1Head request = _exchange.Request, response = _exchange.Response;
        int status = response.Fields.Status;
        if (status == 101) return ChangeProtocol(server);
        if (status < 200) return ForwardInterim(response.Fields);
        if (_routing is not null && TryAgainFor(status)) return false;
        _hedges?.End();
        _try.Answered(status);
        server.Gate.CleanResponse(response.Fields);
        bool endsByClosing = request.IsVersion10 && response.Body is BodyKind.Chunked or BodyKind.UntilClose;
        _isServersLast |= !response.IsKeptAlive || response.Body == BodyKind.UntilClose;
        server.IsUsed = true;
        HeaderList? fields = _cached is { } cached ? cached.OnResponse(response.Fields, isEndKnown: response.Body != BodyKind.UntilClose) : response.Fields;
        if (fields is null)
        {
            _exchange.IsLast |= _isServersLast && _routing is null;
            return AnswerKept();
        }

        _exchange.IsLast |= (_isServersLast && (_routing is null || !_exchange.IsRequestWhole)) || _exchange.IsBodyUnasked || endsByClosing;
        bool inChunks = !request.IsVersion10 && response.Body is BodyKind.Chunked or BodyKind.UntilClose;
        if (!WriteFinal(_routing?.ForClient(fields, _direction) ?? fields, inChunks)) return false;
        _responseBodies.Copy = _cached?.TakeCapture();
        _responseBodies.Begin(server.Side, _client, response.Body, response.Length, inChunks);
        _responsePart = ResponsePart.Body;
        return true;
    }

    // The head of a response that is no interim one; false when the connection ends in its place.
    private bool WriteFinal(HeaderList fields, bool inChunks)
    {
        ConnectionOption connection = _exchange.IsLast ? ConnectionOption.Close : _exchange.Request.IsVersion10 ? ConnectionOption.KeepAlive : ConnectionOption.None;
        HeadForm form = new() { IsChunked = inChunks, Connection = connection };
        if (!Http1HeadWriter.TryWriteResponse(fields, form, Loop.Joined, out int length) || _options.IsTooLong(fields, length))
        {
            AnswerForServer(RequestRefusal.BadResponse("the head is too long"));
            return false;
        }

        (_exchange.HasResponse, _exchange.Status) = (true, fields.Status);
        if (_client.Output.Write(Loop.Joined.AsSpan(0, length))) return true;
        Abort(_client.Output.Failure);
        return false;
    }

    private bool PassResponseBody()
    {
        if (_server is null)
        {
            _call!.PassResponse();
            return !IsEnded && _responsePart != ResponsePart.Body;
        }

        BodyProgress progress = _responseBodies.Pass();
        if (IsEnded || progress == BodyProgress.Waits) return false;
        if (progress == BodyProgress.Whole)
        {
            _responseBodies.Copy?.End(_responseBodies.Trailers);
            _responsePart = ResponsePart.Sending;
            return true;
        }

        if (progress is BodyProgress.Incomplete or BodyProgress.Malformed) _try.End(TryOutcome.Bad);

        // What has begun can't be taken back: that the client sees a reset is how it knows that it has not all.
        Abort(progress switch
        {
            BodyProgress.Incomplete => _server!.Side.Transport.Failure,
            BodyProgress.Malformed => ProxyFailure.ProtocolError,
            BodyProgress.NotTaken => _client.Output.Failure,
            _ => ProxyFailure.Overload,
        });
        return false;
    }

    // False when it was the last.
    private bool EndResponse()
    {
        // Of a request that has been answered before it was whole, what a server makes of the rest is not for others.
        bool isEarly = !_exchange.IsRequestWhole;
        _isServersLast |= (_server is not null && HasMoreOfServer(_server.Side)) || (isEarly && _routing is not null);
        bool isLast = _exchange.IsLast || (_isServersLast && (isEarly || _routing is null));
        _responsePart = ResponsePart.Head;
        EndExchange(_exchange.Status, error: null);
        if (isLast && _exchange.IsRequestWhole) ReleaseServer();
        if (isLast) BeginEnd();
        _hasNews = true; // the next request may begin; one that still comes may do so
        return !isLast;
    }

    // What follows an answer has not been asked for yet: it ends the connection, before it could be taken for the next answer. So does the server's end.
    private static bool HasMoreOfServer(HttpSide server)
    {
        if (server.Input.Bytes.IsEmpty && server.Transport.CanReceive && server.Input.Receive().IsOver) return true;
        return !server.Input.Bytes.IsEmpty;
    }

    private bool ForwardInterim(HeaderList fields)
    {
        if (++_exchange.InterimCount > _options.MaxInterim)
        {
            AnswerForServer(RequestRefusal.ManyInterims);
            return false;
        }

        // HTTP/1.0 has none (RFC 9110, section 15.2).
        if (_exchange.Request.IsVersion10) return true;
        _exchange.IsContinued |= fields.Status == 100;
        if (WriteHead(fields, default)) return true;
        Abort(_client.Output.Failure);
        return false;
    }

    // From here on it is not HTTP any more: bytes go both ways as they are.
    private bool ChangeProtocol(Http1Server server)
    {
        if (UpgradeOf(_exchange.Request).IsEmpty || _exchange.Response.Upgrade.IsEmpty || !_exchange.IsRequestWhole)
        {
            AnswerForServer(RequestRefusal.BadResponse("the server changes to a protocol that it was not asked for"));
            return false;
        }

        if (!WriteHead(_exchange.Response.Fields, new HeadForm { Upgrade = _exchange.Response.Upgrade }))
        {
            Abort(_client.Output.Failure);
            return false;
        }

        _try.Answered(101);
        _upgraded = _try.Upgrade();
        EndExchange(101, error: null);
        BeginBytes(server);
        return true;
    }

    private bool WriteHead(HeaderList fields, in HeadForm form) => _client.Output.Write(Loop.Joined.AsSpan(0, ComposeHead(fields, form)));

    private int ComposeHead(HeaderList fields, in HeadForm form) =>
        Http1HeadWriter.TryWriteResponse(fields, form, Loop.Joined, out int length) ? length : throw new InvalidOperationException("a head that was taken is longer than a buffer");

    private void EndExchange(int status, string? error)
    {
        _exchange.End();
        _hedges?.End();
        _copy?.Close();
        _copy = null;
        _responseBodies.Copy?.Close();
        _responseBodies.Copy = null;
        Loop.Timers.Cancel(_tryTimer);
        _wait?.Cancel();
        _try.End(status, error);
        RequestEnd end = new(status, _time.GetElapsedTime(_exchange.Began), error, _call?.EndedWith(status, error) ?? GrpcStatus.NoCall) { Hit = _direction.Hit, Backend = _direction.Service, Cache = _cached?.Result ?? CacheResult.None };
        _cached?.Release();
        _keptBody = default;
        (_server?.Requests ?? _call?.Requests ?? _observer).OnRequestEnded(end, TakeRecord());
    }
}
