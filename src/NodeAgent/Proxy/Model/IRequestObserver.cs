using Culvert.Http2;

namespace Culvert.NodeAgent.Proxy.Model;

/// <summary>Hears of the requests of one connection, for metrics and the access log. Called on its loop: must be quick, must not throw, and must not allocate for each request.</summary>
internal interface IRequestObserver
{
    /// <summary>A request has come.</summary>
    /// <param name="request">Its head as it came; empty when it could not be read.</param>
    /// <param name="protocol">What its client speaks, of <see cref="HttpProtocol"/>.</param>
    /// <param name="loop">The loop's index.</param>
    /// <returns>What is noted of it, to be given back when it is over; null: nothing is.</returns>
    IRequestRecord? Begin(HeaderList request, string protocol, int loop);

    /// <summary>A request is over.</summary>
    /// <param name="end">How it has ended.</param>
    /// <param name="record">What was noted of it, be it by the observer of another connection; null: nothing was.</param>
    void OnRequestEnded(in RequestEnd end, IRequestRecord? record);

    /// <summary>A request was tried again, and what that has come to is known; or it would have been, and there was no budget. Told where requests are routed.</summary>
    void OnRetried(RetryOutcome outcome);

    /// <summary>A request without an answer was sent to a further backend, and what that has come to is known; or it could not be.</summary>
    void OnHedged(HedgeOutcome outcome);
}
