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
    /// <param name="status">The status of its response, 101 (a change of protocol) or 200 to 999; 0 when there was none, or not all of it; of an answer to a caller of gRPC in the server's place, the status for which it stands.</param>
    /// <param name="duration">From when its head had come to when the last of the response had been passed on; zero, or how long it waited, when no server was asked.</param>
    /// <param name="error">When the proxy has answered in the server's place, what kind of error that was (RFC 9209, section 2.3); null otherwise.</param>
    /// <param name="record">What was noted of it, be it by the observer of another connection; null: nothing was.</param>
    void OnRequestEnded(int status, TimeSpan duration, string? error, IRequestRecord? record);
}
