using Culvert.Http2;
using Culvert.NodeAgent.Proxy.Limits;
using Culvert.NodeAgent.Proxy.Loop;
using Culvert.NodeAgent.Proxy.Model;
using Culvert.NodeAgent.Proxy.Transport;

namespace Culvert.NodeAgent.Proxy.Http;

/// <summary>Tells a client of HTTP/2 why its server can't be reached: requests are answered until it knows that it has to make another connection. Belongs to its loop's thread.</summary>
internal sealed class UnreachableHttp2 : IHttp2Requests<Http2Driver>, IHttp2LinkUser
{
    private readonly Http2Link _client;
    private readonly ProxyFailure _failure;
    private readonly HttpOptions _options;
    private readonly IRequestObserver _observer;
    private readonly Http2Answer _answer;
    private readonly LoopTimer _deadline;

    /// <summary>Makes one; the client's transport is its own from here on.</summary>
    /// <param name="client">The client.</param>
    /// <param name="owner">Whose account bytes are on that come from it.</param>
    /// <param name="failure">Why there is no server.</param>
    /// <param name="options">Limits.</param>
    /// <param name="observer">Hears of requests.</param>
    /// <param name="time">The clock.</param>
    internal UnreachableHttp2(ITransport client, in BudgetHolder owner, ProxyFailure failure, HttpOptions options, IRequestObserver observer, TimeProvider time)
    {
        (_failure, _options, _observer, _answer) = (failure, options, observer, new Http2Answer(time));
        _client = new Http2Link(client, this, options.Http2, owner, this, time);
        _deadline = new LoopTimer(static state => ((Http2Link)state!).Close("there was no request in time", ProxyFailure.ConnectFailed), _client);
    }

    /// <summary>Answers. Returns when the client has gone, or has had its time to.</summary>
    internal async ValueTask RunAsync()
    {
        _client.Loop.Schedule(_deadline, _options.HeadTimeout);
        await _client.RunAsync();
        _client.Loop.Timers.Cancel(_deadline);
    }

    /// <inheritdoc/>
    void IHttp2Requests<Http2Driver>.OnRequest(Http2Driver connection, Http2Stream stream, HeaderList headers, bool endStream)
    {
        RequestRefusal refusal = RequestRefusal.Of(_failure);
        bool isGrpc = GrpcAnswer.IsCall(headers);
        _client.Http2.SendHeaders(stream, _answer.Compose(refusal, isGrpc), endStream: true);
        if (!endStream) _client.Http2.Reset(stream, Http2ErrorCode.NoError);
        IRequestRecord? record = _observer.Begin(headers, HttpProtocol.Http2, _client.Loop.Index);
        record?.Details = refusal.Details;
        _observer.OnRequestEnded(new RequestEnd(refusal.Status, TimeSpan.Zero, refusal.Error, isGrpc ? GrpcAnswer.StatusOf(refusal) : GrpcStatus.NoCall), record);
        _client.Drain();
    }

    /// <inheritdoc/>
    void IHttp2LinkUser.OnSettings(Http2Link link)
    {
        // Nothing is sent by streams of this side.
    }

    /// <inheritdoc/>
    void IHttp2LinkUser.OnMayOpen(Http2Link link)
    {
        // Nothing waits for it.
    }

    /// <inheritdoc/>
    void IHttp2LinkUser.OnLeaving(Http2Link link)
    {
        // It ends by itself.
    }

    /// <inheritdoc/>
    void IHttp2LinkUser.OnClosed(Http2Link link)
    {
        // So does whoever waits for it.
    }
}
