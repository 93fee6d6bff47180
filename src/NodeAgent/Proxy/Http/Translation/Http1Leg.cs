using Culvert.Http1;
using Culvert.Http2;
using Culvert.NodeAgent.Proxy.Http.Routing;
using Culvert.NodeAgent.Proxy.Loop;
using Culvert.NodeAgent.Proxy.Model;

namespace Culvert.NodeAgent.Proxy.Http.Translation;

/// <summary>The server's side of a request of HTTP/2 that goes on by HTTP/1.1: by a connection that no other has meanwhile. Used for one request after the other. Belongs to its loop's thread.</summary>
/// <remarks>As <see cref="Http1Relay"/> it has no task: whatever happens at the connection calls <see cref="Advance"/>, and so does the end of each turn in which something was sent.</remarks>
internal sealed partial class Http1Leg : IExchangeLeg, IHttp1ServerUser, IFlushable
{
    private IHttp1Exchange _exchange;
    private readonly HttpOptions _options;
    private readonly EventLoop _loop;
    private readonly Action _askAnew;
    private RoutedServer? _taken;
    private long _receivedBefore;
    private bool _isUnused; // nothing has been sent by it
    private bool _isRequestWhole;
    private bool _isLast; // the connection can't be used for another request
    private bool _isAdvancing;
    private bool _hasNews;

    /// <summary>Makes one.</summary>
    /// <param name="exchange">Whose requests.</param>
    /// <param name="options">Limits.</param>
    /// <param name="loop">The loop.</param>
    internal Http1Leg(IHttp1Exchange exchange, HttpOptions options, EventLoop loop)
    {
        (_exchange, _options, _loop) = (exchange, options, loop);
        _body = new BodySender(options.Limits);
        _askAnew = AskAnew;
    }

    /// <inheritdoc/>
    public bool IsOpen => _taken is not null;

    /// <inheritdoc/>
    public long BytesReceived => _receivedBefore + (_taken?.Server.Side.Input.Received ?? 0);

    /// <inheritdoc/>
    bool IFlushable.IsFlushScheduled { get; set; }

    /// <summary>Whether external authorizers are being asked about the request, so that its server has nothing of it.</summary>
    internal bool IsAsking => _approval is not null;

    /// <summary>Hears of requests that go by the connection; null without one.</summary>
    internal IRequestObserver? Requests => _taken?.Server.Requests;

    /// <summary>Bytes of the response's body that have been passed on.</summary>
    internal long Passed
    {
        get => _body.Passed;
        set => _body.Passed = value;
    }

    /// <summary>Whether policy depends on requests that go by the connection.</summary>
    internal bool AsksPolicy => _taken?.Server.Gate.AsksPolicy == true;

    /// <summary>It is another request's from now on, or another of its objects'.</summary>
    internal void HandTo(IHttp1Exchange exchange) => _exchange = exchange;

    /// <summary>Gives its connection to who goes on with the response whose head has come.</summary>
    /// <param name="user">Who has the connection from now on.</param>
    /// <param name="response">Is exchanged for the response's head.</param>
    /// <returns>The connection.</returns>
    internal RoutedServer HandOver(IHttp1ServerUser user, ref Http1Head response)
    {
        RoutedServer taken = Detach() ?? throw new InvalidOperationException("there is no connection");
        (response, _response) = (_response, response);
        taken.HandTo(user);
        return taken;
    }

    /// <inheritdoc/>
    public void Reset(Http2ErrorCode code)
    {
        if (_taken is null) return;
        Abandon();
        _exchange.OnLegClosed();
    }

    /// <inheritdoc/>
    public void Abandon()
    {
        // A server goes on with a request whose client only says nothing more: it has to see a reset.
        bool isUnused = _isUnused || _approval is not null;
        RoutedServer? taken = Detach();
        if (isUnused) taken?.Return(isReusable: true);
        else taken?.End(ProxyFailure.ApplicationReset);
    }

    /// <inheritdoc/>
    public void Clear() => Abandon();

    /// <inheritdoc/>
    public void GiveUp() => _exchange.Abort(Http2ErrorCode.EnhanceYourCalm);

    /// <inheritdoc/>
    public void Abort(ProxyFailure failure) => _exchange.Abort(Http2ErrorCode.Cancel);

    /// <inheritdoc/>
    void IHttp1ServerUser.OnServerBroken() => Advance();

    /// <inheritdoc/>
    void IFlushable.Flush() => Advance();

    /// <inheritdoc/>
    public void PassOn() => Advance();

    /// <inheritdoc/>
    public void Advance()
    {
        _hasNews = true;
        if (_isAdvancing) return;
        _isAdvancing = true;
        try
        {
            while (_hasNews && _taken is { } taken)
            {
                _hasNews = false;
                AdvanceResponse();
                if (_taken == taken) Flush(taken.Server.Side);
            }
        }
        catch (Exception exception)
        {
            _loop.ReportFault(exception);
            _exchange.Abort(Http2ErrorCode.InternalError);
        }

        _isAdvancing = false;
    }

    private void Flush(HttpSide side)
    {
        bool wasBlocked = side.Output.IsBlocked;
        if (!_takesNothing && !side.Flush()) OnServerTakesNothing(side);
        if (_taken is not null && (_takesNothing || (wasBlocked && !side.Output.IsBlocked))) _exchange.Other(this).PassOn(); // of a server that takes nothing: what waits is for nobody
    }

    private void Begin(RoutedServer taken)
    {
        _receivedBefore -= taken.Server.Side.Input.Received;
        taken.Take(this);
        _taken = taken;
        taken.Server.Gate.OnChanged(_askAnew);
        (_isUnused, _isRequestWhole, _isLast, _takesNothing, _isBody, _isEndHeld) = (false, false, false, false, false, false);
    }

    private RoutedServer? Detach()
    {
        if (_taken is not { } taken) return null;
        _receivedBefore += taken.Server.Side.Input.Received;
        _taken = null;
        _body.Copy?.Close();
        _body.Copy = null;
        _approval?.GiveUp();
        _approval = null;
        return taken;
    }

    // Policy has changed.
    private void AskAnew()
    {
        if (_taken is { } taken && !taken.Server.Gate.MayGoOn(_exchange.HeadForServer)) _exchange.Abort(Http2ErrorCode.Cancel);
    }
}
