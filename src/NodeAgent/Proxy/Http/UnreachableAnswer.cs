using Culvert.Http1;
using Culvert.NodeAgent.Proxy.Limits;
using Culvert.NodeAgent.Proxy.Loop;
using Culvert.NodeAgent.Proxy.Model;
using Culvert.NodeAgent.Proxy.Transport;

namespace Culvert.NodeAgent.Proxy.Http;

/// <summary>Tells a client of HTTP/1.1 why its server can't be reached: its first request is answered, and the connection ends. Belongs to its loop's thread.</summary>
internal sealed class UnreachableAnswer : IBufferHolder
{
    private readonly HttpSide _client;
    private readonly HttpOptions _options;
    private readonly IRequestObserver _observer;
    private readonly TimeProvider _time;

    /// <summary>Makes one; the client's transport stays its owner's.</summary>
    /// <param name="client">The client.</param>
    /// <param name="owner">Whose account bytes are on that come from it, or wait for it.</param>
    /// <param name="options">Limits.</param>
    /// <param name="observer">Hears of the request.</param>
    /// <param name="time">The clock.</param>
    internal UnreachableAnswer(ITransport client, in BudgetHolder owner, HttpOptions options, IRequestObserver observer, TimeProvider time)
    {
        (_options, _observer, _time) = (options, observer, time);
        _client = new HttpSide(client, owner, this);
    }

    /// <inheritdoc/>
    public void GiveUp()
    {
        _client.Clear();
        _client.Transport.Reset(ProxyFailure.Overload);
    }

    /// <summary>Waits for a request and answers it. Returns when the client has gone, or has had its time to.</summary>
    /// <param name="failure">Why there is no server.</param>
    internal async ValueTask AnswerAsync(ProxyFailure failure)
    {
        Http1Head request = new();
        Http1HeadInput requests = new(_client, _options.Limits);
        LoopTimer deadline = new(static state => ((ITransport)state!).Reset(ProxyFailure.ConnectFailed), _client.Transport);
        _client.Transport.Loop.Schedule(deadline, _options.HeadTimeout);
        Http1HeadInput.Outcome outcome = await requests.ReadRequestAsync(request);
        _client.Transport.Loop.Timers.Cancel(deadline);
        if (outcome == Http1HeadInput.Outcome.Read)
        {
            (int status, string error) = ProxyError.Of(failure);
            Write(status, error, ProxyError.DetailsOf(failure), hasBody: !request.Fields.Method.SequenceEqual("HEAD"u8));
        }
        else if (outcome == Http1HeadInput.Outcome.Refused && !_client.Input.Bytes.StartsWith("PRI * HTTP/2.0"u8))
        {
            Write(requests.Refusal!.Status, ProxyError.Request, requests.Refusal.Reason, hasBody: true);
        }
        else
        {
            // It speaks HTTP/2, which is not answered, or says nothing.
            _client.Transport.Reset(ProxyFailure.ConnectFailed);
        }

        if (await _client.FinishAsync(_options.AnswerTime, _options.LingerTime)) await _client.DiscardAsync();
        _client.Transport.Close();
        _client.Release();
    }

    private void Write(int status, string error, string details, bool hasBody)
    {
        ErrorResponse.Write(_client, status, error, details, hasBody, _time.GetUtcNow());
        _observer.OnRequestEnded(status, TimeSpan.Zero, error);
    }
}
