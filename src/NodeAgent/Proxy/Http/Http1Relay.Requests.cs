using System.Text;
using Culvert.Http1;
using Culvert.NodeAgent.Proxy.Loop;
using Culvert.NodeAgent.Proxy.Model;
using Outcome = Culvert.NodeAgent.Proxy.Http.Http1HeadInput.Outcome;

namespace Culvert.NodeAgent.Proxy.Http;

/// <content>From the client to the server.</content>
internal sealed partial class Http1Relay
{
    private readonly Http1HeadInput _requests;
    private readonly BodyPump _requestBodies;
    private readonly LoopSignal _responded = new();
    private readonly LoopTimer _headDeadline;

    private static ReadOnlySpan<byte> Http2Preface => "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"u8;

    // False when the client has ended before it has said anything, or what it says is another protocol that is known (HTTP/2 with prior knowledge; RFC 9113, section 3.3).
    private async ValueTask<bool> BeginAsync()
    {
        Outcome outcome = await _requests.AnythingAsync();
        if (outcome == Outcome.Read) Loop.Schedule(_headDeadline, _options.HeadTimeout);
        while (outcome == Outcome.Read && IsPrefaceBegun(out bool isWhole))
        {
            _isBytes = isWhole;
            if (isWhole) return false;
            outcome = await _requests.MoreAsync();
        }

        if (outcome == Outcome.Read) return true;
        Loop.Timers.Cancel(_headDeadline);
        if (outcome != Outcome.Ended && !_isDone) Abort(outcome == Outcome.Overload ? ProxyFailure.Overload : _client.Transport.Failure);
        return false;
    }

    private bool IsPrefaceBegun(out bool isWhole)
    {
        ReadOnlySpan<byte> bytes = _client.Input.Bytes;
        isWhole = bytes.StartsWith(Http2Preface);
        return isWhole || Http2Preface.StartsWith(bytes);
    }

    private async ValueTask ForwardRequestsAsync()
    {
        while (await NextRequestAsync())
        {
            _exchange.Begin(_time.GetTimestamp());
            if (!await ForwardRequestAsync()) break;
            if (_exchange.IsOpen && !await _responded.WaitAsync()) break;
            if (_exchange.IsLast || _isBytes) break;
        }

        if (!_isBytes && !IsEnded) BeginEnd();
    }

    // False when there is none, or it is not taken.
    private async ValueTask<bool> NextRequestAsync()
    {
        Outcome outcome = await ReadRequestAsync();
        if (IsEnded || _isDone) return false;
        switch (outcome)
        {
            case Outcome.Read when _exchange.Request.Fields.Method.SequenceEqual("CONNECT"u8):
                Answer(501, ProxyError.Request, "CONNECT is not served");
                return false;
            case Outcome.Read:
                return true;
            case Outcome.Refused:
                Answer(_requests.Refusal!.Status, ProxyError.Request, _requests.Refusal.Reason);
                return false;
            case Outcome.Broken:
                Abort(_client.Transport.Failure);
                return false;
            case Outcome.Overload:
                Abort(ProxyFailure.Overload);
                return false;
            default:
                return false;
        }
    }

    private async ValueTask<Outcome> ReadRequestAsync()
    {
        Outcome outcome = await _requests.AnythingAsync();
        if (outcome != Outcome.Read) return outcome;
        if (!_headDeadline.IsScheduled) Loop.Schedule(_headDeadline, _options.HeadTimeout);
        outcome = await _requests.ReadRequestAsync(_exchange.Request);
        Loop.Timers.Cancel(_headDeadline);
        return outcome;
    }

    // False when the connection goes no further by this side.
    private async ValueTask<bool> ForwardRequestAsync()
    {
        Http1Head request = _exchange.Request;
        bool inChunks = request.Body == BodyKind.Chunked;
        Span<byte> room = Loop.Joined;
        HeadForm form = new()
        {
            IsChunked = inChunks,
            ExpectsContinue = request.ExpectsContinue,
            Upgrade = UpgradeOf(request),
            Connection = _exchange.IsLast ? ConnectionOption.Close : ConnectionOption.None,
        };
        if (!Http1HeadWriter.TryWriteRequest(request.Fields, form, room, out int length)) throw new InvalidOperationException("a head that was taken is longer than a buffer");
        BodyOutcome outcome = _server.Output.Write(room[..length]) ? await _requestBodies.PassAsync(request.Body, request.Length, inChunks) : BodyOutcome.NotTaken;
        if (outcome == BodyOutcome.Whole && _server.Output.IsBlocked && !await _server.Output.DrainAsync()) outcome = BodyOutcome.NotTaken;
        if (IsEnded || _isDone) return false;
        switch (outcome)
        {
            case BodyOutcome.Whole:
                _exchange.IsRequestWhole = true;
                return true;
            case BodyOutcome.NotTaken when _server.Output.Failure != ProxyFailure.Overload:
                // It may have answered before it broke: whoever reads answers finds out.
                _exchange.IsLast = true;
                return true;
            case BodyOutcome.Malformed when !_exchange.HasResponse:
                Answer(_requestBodies.Refusal!.Status, ProxyError.Request, _requestBodies.Refusal.Reason);
                return false;
            case BodyOutcome.Malformed:
                Abort(ProxyFailure.ProtocolError);
                return false;
            case BodyOutcome.Incomplete:
                Abort(_client.Transport.Failure);
                return false;
            default:
                Abort(ProxyFailure.Overload);
                return false;
        }
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
        Answer(408, ProxyError.Request, "the head of the request took too long");
        BeginEnd();
    }

    // In the server's place. Of what answers HEAD there is no body.
    private void Answer(int status, string error, string details)
    {
        Span<byte> room = Loop.Joined;
        int length = ErrorResponse.Write(status, error, details, hasBody: !_exchange.IsOpen || !_exchange.IsHead, _time.GetUtcNow(), room);
        _client.Output.Write(room[..length]); // that it fails is told when what waits is to go out
        _isDone = true;
        if (_exchange.IsOpen) EndExchange(status, error);
        else _observer.OnRequestEnded(status, TimeSpan.Zero, error);
    }
}
