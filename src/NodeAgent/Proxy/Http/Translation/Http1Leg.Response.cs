using Culvert.Http1;
using Culvert.Http2;
using Culvert.NodeAgent.Proxy.Http.Routing;
using Culvert.NodeAgent.Proxy.Model;

namespace Culvert.NodeAgent.Proxy.Http.Translation;

/// <content>From the server to the client.</content>
internal sealed partial class Http1Leg
{
    private Http1Head _response = new();
    private readonly BodySender _body;
    private bool _isBody; // else a head comes next

    /// <summary>Whether the end of the response that comes is told apart from that of the connection.</summary>
    internal bool IsEndKnown => _response.Body != BodyKind.UntilClose;

    /// <summary>Takes a copy of the response's body; null: nobody does.</summary>
    internal IBodyCopy? Copy
    {
        set => _body.Copy = value;
    }

    private void AdvanceResponse()
    {
        while (_approval is null && _taken is { } taken && (_isBody ? PassBody(taken) : TakeResponse(taken)))
        {
            // All that has come goes on.
        }
    }

    private bool TakeResponse(RoutedServer taken)
    {
        Http1Server server = taken.Server;
        switch (server.Responses.ReadResponse(_isHead, _response))
        {
            case HeadRead.Nothing:
                return false;
            case HeadRead.Read:
                return PassResponse(taken);
            case HeadRead.Refused:
                _exchange.Answer(RequestRefusal.BadResponse(server.Responses.Refusal!.Reason));
                return false;
            case HeadRead.Overload:
                _exchange.Abort(Http2ErrorCode.EnhanceYourCalm);
                return false;
            case var _ when server.IsUsed && _exchange.TryResendAfterEnd(isUnsent: false):
                return false;
            case HeadRead.Ended:
                _exchange.Answer(RequestRefusal.NoAnswer);
                return false;
            default:
                _exchange.Answer(RequestRefusal.BrokenConnection);
                return false;
        }
    }

    private bool PassResponse(RoutedServer taken)
    {
        int status = _response.Fields.Status;
        if (status == 101)
        {
            _exchange.Answer(new RequestRefusal(502, ProxyError.Protocol, "the server changes to a protocol that it was not asked for"));
            return false;
        }

        if (status < 200)
        {
            _exchange.OnResponse(_response.Fields, isFinal: false, endStream: false);
            return _taken == taken;
        }

        bool isBare = _response.HasNoBody;
        _isLast |= !_response.IsKeptAlive || _response.Body == BodyKind.UntilClose;
        taken.Server.IsUsed = true;
        _body.Begin(_response.Body, _response.Length);
        _isBody = true;
        taken.Server.Gate.CleanResponse(_response.Fields);
        _exchange.OnResponse(_response.Fields, isFinal: true, isBare);
        if (_taken != taken) return false; // it is tried again, or over
        if (isBare) Finish();
        return !isBare;
    }

    private bool PassBody(RoutedServer taken)
    {
        BodyProgress progress = _body.Pass(taken.Server.Side, _exchange.Other(this));
        if (_taken != taken || progress == BodyProgress.Waits) return false;
        if (progress != BodyProgress.Whole)
        {
            if (progress is BodyProgress.Incomplete or BodyProgress.Malformed) _exchange.OnBrokenOff();
            _exchange.Abort(progress == BodyProgress.Overload ? Http2ErrorCode.EnhanceYourCalm : Http2ErrorCode.InternalError);
            return false;
        }

        _body.Copy?.End(_body.Trailers);
        _exchange.OnPassedOn(this, _body.Trailers);
        _exchange.Other(this).End(_body.Trailers);
        if (_taken == taken) Finish();
        return false;
    }

    // What a server makes of the rest of a request that it has answered before that was whole is not for others, and what it says beyond its answer is for nobody.
    private void Finish()
    {
        if (Detach() is not { } taken) return;
        HttpSide side = taken.Server.Side;
        if (!_isRequestWhole)
        {
            taken.End(ProxyFailure.ProtocolError);
            _exchange.Other(this).Reset(Http2ErrorCode.NoError); // it need not be sent any further (RFC 9113, section 8.1)
            return;
        }

        taken.Return(isReusable: !_isLast && side.Flush() && !side.Output.IsBlocked && side.Input.Bytes.IsEmpty);
        _exchange.OnLegClosed();
    }
}
