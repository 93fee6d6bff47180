using Culvert.Http2;
using Culvert.NodeAgent.Proxy.Loop;
using Culvert.NodeAgent.Proxy.Model;

namespace Culvert.NodeAgent.Proxy.Transport;

/// <summary>A stream that was asked for and waits for its answer (client side). Belongs to its loop's thread.</summary>
internal interface IOpeningStream : IHttp2StreamUser
{
    /// <summary>Set when the answer has come, or when it is over without one.</summary>
    LoopSignal Response { get; }

    /// <summary>The status of the answer; 0 before it has come.</summary>
    int ResponseStatus { get; }

    /// <summary>Whether it is over.</summary>
    bool IsEnded { get; }

    /// <summary>Why, when it is over.</summary>
    ProxyFailure Failure { get; }

    /// <summary>Whether the peer refused the stream untouched, so that another tunnel may be tried.</summary>
    bool IsRetryable { get; }

    /// <summary>Ends it at once with this code on the stream.</summary>
    void Abort(ProxyFailure failure, Http2ErrorCode code);
}
