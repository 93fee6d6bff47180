using System.Text;
using Culvert.Http1;
using Culvert.Http2;
using Culvert.NodeAgent.Proxy.Loop;
using Culvert.NodeAgent.Proxy.Model;
using Culvert.NodeAgent.Proxy.Relay;
using Outcome = Culvert.NodeAgent.Proxy.Http.Http1HeadInput.Outcome;

namespace Culvert.NodeAgent.Proxy.Http;

/// <content>From the client to the server.</content>
internal sealed partial class Http1Relay
{
    private readonly Http1HeadInput _requests;
    private readonly BodyPump _requestBodies;
    private readonly LoopSignal _begun = new();
    private readonly LoopSignal _responded = new();
    private readonly LoopSignal _requestTurn = new();
    private readonly LoopTimer _headDeadline;
    private bool _isBegun; // it is known what the client speaks

    private async ValueTask ForwardRequestsAsync()
    {
        await BeginAsync();
        while (!_isBytes && !_isEnding && await NextRequestAsync())
        {
            _exchange.Begin(_time.GetTimestamp());
            if (!await ForwardRequestAsync()) break;
            if (_exchange.IsOpen && !await _responded.WaitAsync()) break;
            if (_exchange.IsLast) break;
        }

        if (_isBytes && !IsEnded) await CarryBytesAsync(_requestBodies, _server, _client.Transport);
        else BeginEnd();
    }

    // What begins with the preface of HTTP/2 (prior knowledge; RFC 9113, section 3.3) is carried as it is.
    private async ValueTask BeginAsync()
    {
        Outcome outcome = await _requests.AnythingAsync();
        if (outcome == Outcome.Read) Loop.Schedule(_headDeadline, _options.HeadTimeout);
        bool isWhole = false;
        while (outcome == Outcome.Read && IsPrefaceBegun(out isWhole) && !isWhole) outcome = await _requests.MoreAsync();
        if (_isEnding || IsEnded) return;
        if (isWhole) Loop.Timers.Cancel(_headDeadline);
        _isBytes = isWhole;
        _isBegun = true;
        _begun.Set(true);
    }

    private bool IsPrefaceBegun(out bool isWhole)
    {
        ReadOnlySpan<byte> bytes = _client.Input.Bytes;
        isWhole = bytes.StartsWith(Http2Connection.Preface);
        return isWhole || Http2Connection.Preface.StartsWith(bytes);
    }

    // False when there is none, or it is not taken.
    private async ValueTask<bool> NextRequestAsync()
    {
        if (_exchange.Count % RelayDirection.ReadsPerTurn == RelayDirection.ReadsPerTurn - 1) await Loop.YieldAsync(_requestTurn);
        Outcome outcome = await ReadRequestAsync();
        if (IsEnded || _isEnding) return false;
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
            case Outcome.Ended:
                return false;
            default:
                Abort(outcome == Outcome.Overload ? ProxyFailure.Overload : _client.Transport.Failure);
                return false;
        }
    }

    private async ValueTask<Outcome> ReadRequestAsync()
    {
        Outcome outcome;
        do
        {
            outcome = await _requests.AnythingAsync();
            if (outcome != Outcome.Read) return outcome;
            _requests.SkipEmptyLines();
        }
        while (_client.Input.Bytes.IsEmpty);

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
        if (IsTooLong(request.Fields, length))
        {
            _exchange.IsRequestWhole = true; // the server has nothing of it
            Answer(431, ProxyError.Request, "the head is too long");
            return false;
        }

        BodyOutcome outcome = _server.Output.Write(room[..length]) ? await _requestBodies.PassAsync(request.Body, request.Length, inChunks) : BodyOutcome.NotTaken;
        if (outcome == BodyOutcome.Whole && _server.Output.IsBlocked && !await _server.Output.DrainAsync()) outcome = BodyOutcome.NotTaken;
        if (IsEnded || _isEnding) return false;
        switch (outcome)
        {
            case BodyOutcome.Whole:
                _exchange.IsRequestWhole = true;
                return true;
            case BodyOutcome.NotTaken when _server.Output.Failure != ProxyFailure.Overload:
                // It may have answered before it broke: whoever reads answers finds out.
                _exchange.IsLast = true;
                return true;
            case BodyOutcome.Malformed or BodyOutcome.Incomplete when !_exchange.IsOpen:
                return false; // it has been answered already
            case BodyOutcome.Malformed when !_exchange.HasResponse && !_client.Output.IsDraining:
                Answer(_requestBodies.Refusal!.Status, ProxyError.Request, _requestBodies.Refusal.Reason);
                return false;
            default:
                Abort(outcome switch { BodyOutcome.Malformed => ProxyFailure.ProtocolError, BodyOutcome.Incomplete => _client.Transport.Failure, _ => ProxyFailure.Overload });
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
        if (_isEnding || IsEnded) return;
        Answer(408, ProxyError.Request, "the head of the request took too long");
        BeginEnd();
    }

    // In the server's place. Of what answers HEAD there is no body.
    private void Answer(int status, string error, string details)
    {
        ErrorResponse.Write(_client, status, error, details, hasBody: !_exchange.IsOpen || !_exchange.IsHead, _time.GetUtcNow());
        if (_exchange.IsOpen) EndExchange(status, error);
        else _observer.OnRequestEnded(status, TimeSpan.Zero, error);
    }
}
