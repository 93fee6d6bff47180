using Culvert.Http2;
using Culvert.NodeAgent.Proxy.Http.Routing;
using Culvert.NodeAgent.Proxy.Http.Translation;
using Culvert.NodeAgent.Proxy.Kept;
using Culvert.NodeAgent.Proxy.Model;
using Culvert.NodeAgent.Proxy.Transport;

namespace Culvert.NodeAgent.Proxy.Http.Hedging;

/// <content>As its leg and its server's connection see it.</content>
internal sealed partial class HedgeTry : IHttp1Exchange, IHttp2Request
{
    /// <inheritdoc/>
    public HeaderList? Head => IsRunning ? _head : null;

    /// <inheritdoc/>
    public HeaderList? HeadForServer => Head is { } head ? ForServer(head) : null;

    /// <inheritdoc/>
    public bool IsHeadOnly => true;

    /// <inheritdoc/>
    public bool IsRunning { get; private set; }

    /// <inheritdoc/>
    public LinkedListNode<IHttp2Request> WaitingEntry { get; }

    /// <inheritdoc/>
    public long Due { get; set; }

    /// <inheritdoc/>
    public IRequestApproval? Approval { get; set; }

    /// <inheritdoc/>
    public IHttp2StreamUser ServerStream => Stream ??= new Http2Leg(this);

    /// <inheritdoc/>
    /// <remarks>There is no client's side. Who asks for it, as when a window opens, asks the leg itself, which has nothing to pass on.</remarks>
    public IExchangeLeg Other(IExchangeLeg leg) => leg;

    /// <inheritdoc/>
    public HeaderList ForServer(HeaderList head) => Services.Routing.ForServer(head, Direction);

    /// <inheritdoc cref="IHttp2Request.Traced"/>
    public HeaderList Traced(HeaderList head) => _record?.ForServer(head, _number) ?? head;

    /// <inheritdoc/>
    public void GoTo(Http2Server server) => Destination = server;

    /// <inheritdoc/>
    public void OnConnected() => _try.EndPend();

    /// <inheritdoc/>
    /// <remarks>It is kept anyway.</remarks>
    public bool TryKeepHead(HeaderList head) => true;

    /// <inheritdoc/>
    public void Open(Http2Stream stream, HeaderList head, bool keepsHead)
    {
        _try.EndPend();
        (Stream!.Link, Stream.Gate) = (Destination!.Link, Destination.Gate);
        Stream.Begin(stream, hasEnded: false);
    }

    /// <inheritdoc/>
    /// <remarks>What is kept answers at once: it is found for the first try.</remarks>
    public bool TryAnswerKept(ResponseCache cache, bool isAuthorized, ref HeaderList forServer) => false;

    /// <inheritdoc/>
    public void Answer(RequestRefusal refusal) => Fail(refusal.Error != ProxyError.Denied && refusal.Status >= 500 ? TryOutcome.Bad : TryOutcome.Unknown, status: 0, new HedgeFailure(refusal, MayResend: false));

    /// <inheritdoc/>
    public void Abort(Http2ErrorCode code) => Fail(TryOutcome.Unknown, status: 0, new HedgeFailure(RequestRefusal.Of(code == Http2ErrorCode.Cancel ? ProxyFailure.PolicyChanged : ProxyFailure.Overload), MayResend: false));

    /// <inheritdoc/>
    public bool TryResendAfterEnd(bool isUnsent) => false;

    /// <inheritdoc/>
    public void OnBrokenOff()
    {
        // Of a response whose head has come, which is the request's matter.
    }

    /// <inheritdoc/>
    /// <remarks>Interim responses are dropped: it is the proxy that has asked for them, and no client (RFC 9110, section 15.2).</remarks>
    public void OnResponse(HeaderList headers, bool isFinal, bool endStream)
    {
        if (isFinal && IsRunning) _owner.OnAnswered(this, headers, endStream);
    }

    /// <inheritdoc/>
    public void OnPassedOn(IExchangeLeg from, HeaderList? trailers)
    {
        // Nothing is, until the request has its leg.
    }

    /// <inheritdoc/>
    public bool TryHoldTrailers(HeaderList trailers) => true;

    /// <inheritdoc/>
    public void OnNotReceived()
    {
        // Nothing is sent to a client by it.
    }

    /// <inheritdoc/>
    public void OnReset(IExchangeLeg leg, Http2ErrorCode code, bool isConnectionBroken)
    {
        TryOutcome outcome = isConnectionBroken ? BackendTry.OutcomeOf(Destination?.LostFor ?? ProxyFailure.ConnectFailed) : code == Http2ErrorCode.RefusedStream ? TryOutcome.Unknown : TryOutcome.Bad;
        RequestRefusal refusal = isConnectionBroken ? RequestRefusal.BrokenConnection : RequestRefusal.ServerReset;
        Fail(outcome, status: 0, new HedgeFailure(refusal, isConnectionBroken || code == Http2ErrorCode.RefusedStream));
    }

    /// <inheritdoc/>
    public void OnLegClosed()
    {
        // Whoever has it closed knows.
    }
}
