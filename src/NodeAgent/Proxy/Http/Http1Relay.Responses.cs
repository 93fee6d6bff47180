using Culvert.Http1;
using Culvert.Http2;
using Culvert.NodeAgent.Proxy.Loop;
using Culvert.NodeAgent.Proxy.Model;
using Culvert.NodeAgent.Proxy.Relay;
using Culvert.NodeAgent.Proxy.Transport;
using Outcome = Culvert.NodeAgent.Proxy.Http.Http1HeadInput.Outcome;

namespace Culvert.NodeAgent.Proxy.Http;

/// <content>From the server to the client.</content>
internal sealed partial class Http1Relay
{
    private readonly Http1HeadInput _responses;
    private readonly BodyPump _responseBodies;
    // Those that a head has at most beyond the fields that were read, without pseudo headers.
    private const int FieldsOfConnection = 2;

    private readonly LoopSignal _responseTurn = new();

    private async ValueTask ForwardResponsesAsync()
    {
        if (!await WatchServerAsync()) return;
        for (int heads = 1; !_isBytes && await NextResponseAsync() && await ForwardResponseAsync(); heads++)
        {
            if (heads % RelayDirection.ReadsPerTurn == 0) await Loop.YieldAsync(_responseTurn);
        }

        if (_isBytes && !IsEnded) await CarryBytesAsync(_responseBodies, _client, _server.Transport);
    }

    // Until it is known what the client speaks nothing is taken of what the server says; but that it has ended, as servers do that are not asked for a while, is for the client to know. False when it has.
    private async ValueTask<bool> WatchServerAsync()
    {
        while (!_isBegun && _server.Transport is IPeekableTransport server)
        {
            bool isOpen = await server.ReadableAsync();
            if (_isBegun) break;
            if (!isOpen || IsEnded || _isEnding) return false;
            TransportResult peeked = server.Peek(Loop.Joined.AsSpan(0, 1));
            if (peeked.IsOver)
            {
                BeginEnd();
                return false;
            }

            if (peeked.Count > 0 && !await _begun.WaitAsync()) return false;
        }

        return !IsEnded && !_isEnding;
    }

    // False when there is none, or it is not taken.
    private async ValueTask<bool> NextResponseAsync()
    {
        Outcome outcome = await _responses.AnythingAsync();
        if (IsEnded || _isEnding) return false;
        if (!_exchange.IsOpen)
        {
            // It has ended; or it says what nobody has asked for, which must not be taken for an answer to the next request.
            BeginEnd();
            return false;
        }

        if (outcome == Outcome.Read) outcome = await _responses.ReadResponseAsync(_exchange.IsHead, _exchange.Response);
        if (IsEnded || _isEnding) return false;
        switch (outcome)
        {
            case Outcome.Read:
                return true;
            case Outcome.Refused:
                AnswerForServer(ProxyError.Protocol, $"of the response, {_responses.Refusal!.Reason}");
                return false;
            case Outcome.Overload:
                Abort(ProxyFailure.Overload);
                return false;
            case var _ when _exchange.Count > 1:
                // Requests that meet the end of a connection that is used again are for the client to repeat, which it does when it sees that end (RFC 9112, section 9.3.1).
                BeginEnd();
                return false;
            case Outcome.Ended:
                AnswerForServer(ProxyError.Incomplete, "the server ended the connection without an answer");
                return false;
            default:
                AnswerForServer(ProxyError.Terminated, "the connection to the server broke before it had answered");
                return false;
        }
    }

    private void AnswerForServer(string error, string details)
    {
        Answer(502, error, details);
        BeginEnd();
    }

    // False when it is the last, or the connection is over.
    private async ValueTask<bool> ForwardResponseAsync()
    {
        Http1Head request = _exchange.Request, response = _exchange.Response;
        int status = response.Fields.Status;
        if (status == 101) return ChangeProtocol();
        if (status < 200) return await ForwardInterimAsync(status);

        bool isUnasked = request.ExpectsContinue && !_exchange.IsContinued && !_exchange.IsRequestWhole; // whether the body still comes, nobody knows
        bool endsByClosing = request.IsVersion10 && response.Body is BodyKind.Chunked or BodyKind.UntilClose;
        _exchange.IsLast |= !response.IsKeptAlive || isUnasked || endsByClosing;
        bool inChunks = !request.IsVersion10 && response.Body is BodyKind.Chunked or BodyKind.UntilClose;
        _exchange.HasResponse = true;
        ConnectionOption connection = _exchange.IsLast ? ConnectionOption.Close : request.IsVersion10 ? ConnectionOption.KeepAlive : ConnectionOption.None;
        int length = ComposeHead(response, new HeadForm { IsChunked = inChunks, Connection = connection });
        if (IsTooLong(response.Fields, length))
        {
            _exchange.HasResponse = false;
            AnswerForServer(ProxyError.Protocol, "of the response, the head is too long");
            return false;
        }

        BodyOutcome outcome = _client.Output.Write(Loop.Joined.AsSpan(0, length))
            ? await _responseBodies.PassAsync(response.Body, response.Length, inChunks)
            : BodyOutcome.NotTaken;
        if (IsEnded) return false;
        if (outcome != BodyOutcome.Whole)
        {
            // What has begun can't be taken back: that the client sees a reset is how it knows that it has not all.
            Abort(outcome switch
            {
                BodyOutcome.Incomplete => _server.Transport.Failure,
                BodyOutcome.Malformed => ProxyFailure.ProtocolError,
                BodyOutcome.NotTaken => _client.Output.Failure,
                _ => ProxyFailure.Overload,
            });
            return false;
        }

        if (_client.Output.IsBlocked && !await _client.Output.DrainAsync())
        {
            Abort(_client.Output.Failure);
            return false;
        }

        return EndResponse(status);
    }

    // False when it was the last.
    private bool EndResponse(int status)
    {
        bool isLast = _exchange.IsLast || HasMoreOfServer();
        bool isRequestWhole = _exchange.IsRequestWhole;
        EndExchange(status, error: null);
        if (isLast || !isRequestWhole)
        {
            // A request that still comes may do so, unless the connection ends.
            if (isLast) BeginEnd();
            return !isLast;
        }

        _responded.Set(true); // the next request may begin before this returns
        return !IsEnded && !_isEnding;
    }

    // What follows an answer has not been asked for yet: it ends the connection, before it could be taken for the next answer. So does the server's end.
    private bool HasMoreOfServer()
    {
        if (_server.Input.Bytes.IsEmpty && _server.Transport.CanReceive && _server.Input.Receive().IsOver) return true;
        return !_server.Input.Bytes.IsEmpty;
    }

    private async ValueTask<bool> ForwardInterimAsync(int status)
    {
        if (++_exchange.InterimCount > _options.MaxInterim)
        {
            AnswerForServer(ProxyError.Protocol, "there are too many interim responses");
            return false;
        }

        // HTTP/1.0 has none (RFC 9110, section 15.2).
        if (_exchange.Request.IsVersion10) return true;
        _exchange.IsContinued |= status == 100;
        if (WriteHead(_exchange.Response, default) && await _client.Output.DrainAsync()) return !IsEnded;
        Abort(_client.Output.Failure);
        return false;
    }

    // From here on it is not HTTP any more: bytes go both ways as they are.
    private bool ChangeProtocol()
    {
        if (UpgradeOf(_exchange.Request).IsEmpty || _exchange.Response.Upgrade.IsEmpty || !_exchange.IsRequestWhole)
        {
            AnswerForServer(ProxyError.Protocol, "the server changes to a protocol that it was not asked for");
            return false;
        }

        if (!WriteHead(_exchange.Response, new HeadForm { Upgrade = _exchange.Response.Upgrade }))
        {
            Abort(_client.Output.Failure);
            return false;
        }

        _isBytes = true;
        EndExchange(101, error: null);
        _responded.Set(true);
        return true;
    }

    private bool WriteHead(Http1Head response, in HeadForm form) => _client.Output.Write(Loop.Joined.AsSpan(0, ComposeHead(response, form)));

    private int ComposeHead(Http1Head response, in HeadForm form) =>
        Http1HeadWriter.TryWriteResponse(response.Fields, form, Loop.Joined, out int length) ? length : throw new InvalidOperationException("a head that was taken is longer than a buffer");

    // Written anew a head is a little longer: what the proxy of the other node would refuse is refused by this one, which knows whose it is.
    private bool IsTooLong(HeaderList fields, int length) => length > _options.Limits.MaxHead || fields.Count + FieldsOfConnection > _options.Limits.MaxFields;

    private void EndExchange(int status, string? error)
    {
        _exchange.End();
        _observer.OnRequestEnded(status, _time.GetElapsedTime(_exchange.Began), error);
    }
}
