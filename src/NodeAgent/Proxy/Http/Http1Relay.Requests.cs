using System.Text;
using Culvert.Http1;
using Culvert.Http2;
using Culvert.NodeAgent.Proxy.Loop;
using Culvert.NodeAgent.Proxy.Model;
using Culvert.NodeAgent.Proxy.Relay;
using Culvert.NodeAgent.Proxy.Transport;

namespace Culvert.NodeAgent.Proxy.Http;

/// <content>From the client to the server.</content>
internal sealed partial class Http1Relay
{
    private readonly Http1HeadInput _requests;
    private HeaderList _sent = new(); // the head of the request as the server has got it
    private readonly BodyPump _requestBodies;
    private readonly LoopTimer _headDeadline;
    private RequestPart _requestPart;
    private bool _isHeadLate;

    // Which part of what the client says comes next.
    private enum RequestPart
    {
        Beginning, // it is not known yet what the client speaks
        Head,
        Server, // a connection to the server that the request goes to is being made
        Approval, // the request is not on time yet, or external authorizers are being asked
        Pause, // the request is to be sent again in a moment
        Body,
        Answer, // all of a request has been passed on, or all that the server takes
        Bytes,
        End,
    }

    private int _headsInTurn; // also of requests that are answered at once, one after the other

    private void AdvanceRequests()
    {
        if (_hasTimerFired) OnTimer();
        if (_isHeadLate) AnswerLast(408, ProxyError.Request, "the head of the request took too long");
        while (!IsEnded && !_isEnding)
        {
            if (_requestPart == RequestPart.Head && _headsInTurn++ >= RelayDirection.ReadsPerTurn)
            {
                _client.AwaitTurn();
                return;
            }

            bool isDone = _requestPart switch
            {
                RequestPart.Beginning => Begin(),
                RequestPart.Head => TakeRequest(),
                RequestPart.Server => TakeServer(),
                RequestPart.Approval => TakeApproval(_server!),
                RequestPart.Pause => WatchDelayedClient(),
                RequestPart.Body => PassRequestBody(),
                RequestPart.Answer => IsAnswered(),
                RequestPart.Bytes => PassBytes(_requestBodies, _client, _server!.Side),
                _ => false,
            };
            if (!isDone) return;
        }
    }

    // What begins with the preface of HTTP/2 (prior knowledge; RFC 9113, section 3.3) is for somebody else to read.
    private bool Begin()
    {
        bool isWhole;
        while (IsPrefaceBegun(out isWhole) && !isWhole)
        {
            HeadRead more = _requests.ReceiveMore();
            ScheduleHeadDeadline();
            if (more == HeadRead.Nothing) return false;
            if (more != HeadRead.Read) return OnNoRequest(more);
        }

        if (isWhole)
        {
            HandOver();
            return false;
        }

        (_requestPart, _responsePart) = (RequestPart.Head, ResponsePart.Head);
        return true;
    }

    private void HandOver()
    {
        ReceivedPreface = _client.Input.Bytes.ToArray();
        IsEnded = true;
        Loop.Timers.Cancel(_headDeadline);
        _client.HandOver();
        _server?.Side.HandOver();
    }

    private bool IsPrefaceBegun(out bool isWhole)
    {
        ReadOnlySpan<byte> bytes = _client.Input.Bytes;
        isWhole = bytes.StartsWith(Http2Connection.Preface);
        return isWhole || Http2Connection.Preface.StartsWith(bytes);
    }

    private bool TakeRequest()
    {
        if ((_routing is not null || _server?.Gate.Responses is not null) && _client.Output.IsBlocked) return false; // it may be answered at once
        HeadRead read = _requests.ReadRequest(_exchange.Request);
        if (read == HeadRead.Nothing)
        {
            ScheduleHeadDeadline();
            return false;
        }

        Loop.Timers.Cancel(_headDeadline);
        _direction = default; // that of the request before
        if (read != HeadRead.Read) return OnNoRequest(read);
        if (_exchange.Request.Fields.Method.SequenceEqual("CONNECT"u8))
        {
            AnswerLast(RequestRefusal.Connect);
            return false;
        }

        _exchange.Begin(_time.GetTimestamp());
        BeginRecord(_exchange.Request.Fields);
        return _routing is null ? ForwardRequest(_server!, _exchange.Request.Fields) : RouteRequest(_routing);
    }

    private void ScheduleHeadDeadline()
    {
        if (!_client.Input.Bytes.IsEmpty && !_headDeadline.IsScheduled) Loop.Schedule(_headDeadline, _options.HeadTimeout);
    }

    private bool OnNoRequest(HeadRead read)
    {
        if (read == HeadRead.Refused) AnswerLast(RequestRefusal.Of(_requests.Refusal!));
        else if (read == HeadRead.Ended) BeginEnd();
        else Abort(read == HeadRead.Overload ? ProxyFailure.Overload : _client.Transport.Failure);
        return false;
    }

    // False when the connection goes no further by this side.
    private bool ForwardRequest(Http1Server server, HeaderList fields)
    {
        _sent = fields;
        if (server.Gate.Ask(fields, out fields) is { } refusal)
        {
            Refuse(refusal);
            return false;
        }

        _approval = server.Gate.BeginApproval(fields, server.Gate.Due, _onApproved ??= OnApproved);
        if (_approval is null) return Send(server, fields);
        _requestPart = RequestPart.Approval;
        return true;
    }

    private bool Send(Http1Server server, HeaderList fields)
    {
        Http1Head request = _exchange.Request;
        if (server.Gate.Responses is { } cache && TryAnswerKept(cache, server.Gate.IsAuthorized(_sent), ref fields)) return !IsEnded && !_isEnding;
        fields = Traced(fields);
        bool inChunks = request.Body == BodyKind.Chunked;
        Span<byte> room = Loop.Joined;
        HeadForm form = new()
        {
            IsChunked = inChunks,
            ExpectsContinue = request.ExpectsContinue,
            Upgrade = UpgradeOf(request),
            Connection = _exchange.IsLast && _routing is null ? ConnectionOption.Close : ConnectionOption.None,
        };
        if (!Http1HeadWriter.TryWriteRequest(fields, form, room, out int length) || _options.IsTooLong(fields, length))
        {
            Refuse(RequestRefusal.LongHead);
            return false;
        }

        _requestBodies.Copy = _copy;
        _requestBodies.Begin(_client, server.Side, request.Body, request.Length, inChunks, server.Gate);
        _requestPart = RequestPart.Body;
        if (!server.Side.Output.Write(room[..length])) OnServerTakesNothing();
        return true;
    }

    private bool PassRequestBody()
    {
        BodyProgress progress = _server is null ? _call!.PassBody(_client) : _requestBodies.Pass();
        if (IsEnded) return false;
        switch (progress)
        {
            case BodyProgress.Waits:
                return false;
            case BodyProgress.Whole:
                _exchange.IsRequestWhole = true;
                _try.RequestCame();
                _requestPart = RequestPart.Answer;
                _copy?.End(_server is null ? _call!.Trailers : _requestBodies.Trailers);
                return true;
            case BodyProgress.NotTaken when _server is null:
                (_requestPart, _exchange.IsLast) = (RequestPart.Answer, true);
                return true;
            case BodyProgress.NotTaken:
                OnServerTakesNothing();
                return true;
            case BodyProgress.Malformed or BodyProgress.Incomplete when !_exchange.IsOpen:
                BeginEnd(); // it has been answered already
                return false;
            case BodyProgress.Malformed when !_exchange.HasResponse:
                AnswerLast(RequestRefusal.Of((_server is null ? _call!.Refusal : _requestBodies.Refusal)!));
                return false;
            default:
                Abort(progress switch { BodyProgress.Malformed => ProxyFailure.ProtocolError, BodyProgress.Incomplete => _client.Transport.Failure, _ => ProxyFailure.Overload });
                return false;
        }
    }

    // It may have answered before it broke: whoever reads answers finds out.
    private void OnServerTakesNothing()
    {
        HttpOutput output = _server!.Side.Output;
        if (_isBytes || output.Failure == ProxyFailure.Overload)
        {
            Abort(output.Failure);
            return;
        }

        output.Clear();
        _isServersLast = true;
        _exchange.IsLast |= _routing is null || _requestPart == RequestPart.Body;
        if (_requestPart == RequestPart.Body) _requestPart = RequestPart.Answer;
    }

    private bool IsAnswered()
    {
        if (_exchange.IsOpen) return false;
        ReleaseServer();
        if (_exchange.IsLast)
        {
            BeginEnd();
            return false;
        }

        _requestPart = RequestPart.Head;
        return true;
    }

    // The protocols that the server may change to. An upgrade to HTTP/2 is passed over (RFC 9113, section 3.1), and so is any in HTTP/1.0 (RFC 9110, section 7.8): the answer comes in HTTP/1.1.
    private static ReadOnlySpan<byte> UpgradeOf(Http1Head request)
    {
        if (request.IsVersion10) return default;
        foreach (Range protocol in request.Upgrade.Split((byte)','))
        {
            if (Ascii.EqualsIgnoreCase(request.Upgrade[protocol].Trim(" \t"u8), "h2c"u8)) return default;
        }

        return request.Upgrade;
    }

    private void OnSlowHead()
    {
        _isHeadLate = true;
        Advance();
    }

    // Of a request that has begun, and of which the server has nothing.
    private void Refuse(RequestRefusal refusal)
    {
        _exchange.IsRequestWhole = true;
        _try.RequestCame();
        AnswerLast(refusal);
    }

    // One that is made to wait for long, and has gone, would be held for as long. By its end alone a client that waits for the answer still can't be told apart from one that has gone: while it waits here, it has gone.
    private bool WatchDelayedClient()
    {
        if (!_faults.IsWaiting || !_client.Input.Bytes.IsEmpty || _client.Transport is not IPeekableTransport transport) return false;
        TransportResult peeked = transport.Peek(Loop.Joined.AsSpan(0, 1));
        if (peeked.IsOver) BeginEnd();
        else if (peeked.Count == 0) _client.AwaitReadable();
        return false;
    }

    // Policy has changed. Of what an upgrade has led to, the request for it is asked about.
    private void AskAnew()
    {
        if ((_isBytes || _exchange.IsOpen || _requestPart == RequestPart.Body) && _server is not null && !_server.Gate.MayGoOn(_sent)) Abort(ProxyFailure.PolicyChanged);
    }

    private void AnswerLast(int status, string error, string details) => AnswerLast(new RequestRefusal(status, error, details));

    // In the server's place. Of what answers HEAD there is no body.
    private void AnswerLast(RequestRefusal refusal)
    {
        ErrorResponse.Write(_client, refusal, hasBody: !_exchange.IsOpen || !_exchange.IsHead, _time.GetUtcNow());
        if (!_exchange.IsOpen) BeginRecord(new HeaderList());
        _record?.Details = refusal.Details;
        if (_exchange.IsOpen) EndExchange(refusal.Status, refusal.Error);
        else _observer.OnRequestEnded(new RequestEnd(refusal.Status, TimeSpan.Zero, refusal.Error), TakeRecord());
        BeginEnd();
    }
}
