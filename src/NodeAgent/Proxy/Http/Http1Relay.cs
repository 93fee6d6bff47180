using Culvert.NodeAgent.Proxy.Http.Mirroring;
using Culvert.NodeAgent.Proxy.Http.Routing;
using Culvert.NodeAgent.Proxy.Limits;
using Culvert.NodeAgent.Proxy.Loop;
using Culvert.NodeAgent.Proxy.Model;
using Culvert.NodeAgent.Proxy.Transport;

namespace Culvert.NodeAgent.Proxy.Http;

/// <summary>
/// Carries HTTP/1.1 between a client and a server, one request after the other: every message is read strictly and written anew, so that both sides see the same ones. What the client has sent beyond a request waits until that has
/// been answered. Belongs to its loop's thread.
/// </summary>
/// <remarks>
/// It has no task for either direction: whatever happens at a side calls <see cref="Advance"/>, which does all that can be done in both, and at the end sends what was written. Called while it runs, as by a transport that is closed, it goes round
/// once more. Heads and chunks are composed in the loop's second buffer and copied out of it before the next is.
/// </remarks>
internal sealed partial class Http1Relay : IHttpRelay, ITransportUser, IHttp1ServerUser, IFlushable
{
    private readonly HttpSide _client;
    private readonly HttpOptions _options;
    private readonly IRequestObserver _observer;
    private readonly TimeProvider _time;
    private readonly HttpExchange _exchange = new();
    private readonly LoopSignal _over = new();
    private bool _isAdvancing;
    private bool _hasNews;
    private bool _isEnding; // nothing more is asked or answered
    private readonly Action _askAnew;
    private Http1Server? _server; // with routes only while there is a request for it
    private bool _isBytes; // it has changed to another protocol
    private BackendRequests? _upgraded; // the backend that has that among its requests

    private Http1Relay(ITransport client, in BudgetHolder clientOwner, HttpOptions options, IRequestObserver observer, TimeProvider time)
    {
        (_options, _observer, _time) = (options, observer, time);
        _askAnew = AskAnew;
        _client = new HttpSide(client, clientOwner, this);
        _requests = new Http1HeadInput(_client, options.Limits);
        _requestBodies = new BodyPump(options.Limits);
        _responseBodies = new BodyPump(options.Limits);
        _headDeadline = new LoopTimer(static state => ((Http1Relay)state!).OnSlowHead(), this);
        _tryTimer = new LoopTimer(static state => ((Http1Relay)state!).OnTimerFired(), this);
    }

    /// <summary>Makes a relay to one server; it owns both transports.</summary>
    /// <param name="client">The side that opened the connection.</param>
    /// <param name="server">The side it was opened to.</param>
    /// <param name="clientOwner">Whose account bytes are on that come from the client, or wait for it.</param>
    /// <param name="serverOwner">The same for the server.</param>
    /// <param name="gate">Asks policy about requests.</param>
    /// <param name="options">Limits.</param>
    /// <param name="observer">Hears of requests.</param>
    /// <param name="time">The clock.</param>
    internal Http1Relay(ITransport client, ITransport server, in BudgetHolder clientOwner, in BudgetHolder serverOwner, RequestGate gate, HttpOptions options, IRequestObserver observer, TimeProvider time)
        : this(client, clientOwner, options, observer, time)
    {
        _server = new Http1Server(server, serverOwner, gate, observer, options.Limits, this);
        gate.OnChanged(_askAnew);
    }

    /// <summary>Makes a relay whose requests go where routes say; it owns the client's transport.</summary>
    /// <param name="client">The side that opened the connection.</param>
    /// <param name="clientOwner">Whose account bytes are on that come from the client, or wait for it.</param>
    /// <param name="routing">Where requests go.</param>
    /// <param name="mirrors">Sends copies of them.</param>
    /// <param name="servers">The connections that they go by.</param>
    /// <param name="makeHttp2Servers">Makes what requests go by that go on by HTTP/2.</param>
    /// <param name="options">Limits.</param>
    /// <param name="observer">Hears of requests that no server gets.</param>
    /// <param name="time">The clock.</param>
    internal Http1Relay(ITransport client, in BudgetHolder clientOwner, RequestRouting routing, MirrorsOfClient mirrors, Http1Servers servers, Func<IHttp2ServerUser, Http2ServersOfClient> makeHttp2Servers, HttpOptions options, IRequestObserver observer, TimeProvider time)
        : this(client, clientOwner, options, observer, time) => (_routing, _mirrors, _servers, _makeHttp2Servers) = (routing, mirrors, servers, makeHttp2Servers);

    /// <inheritdoc/>
    public long BytesSent => _sentBefore + (_server?.Side.Output.Written ?? 0);

    /// <inheritdoc/>
    public long BytesReceived => _client.Output.Written;

    /// <inheritdoc/>
    public ProxyFailure Failure { get; private set; }

    /// <summary>Whether it is over.</summary>
    internal bool IsEnded { get; private set; }

    /// <summary>What the client has said, when it began with the preface of HTTP/2: this relay is over then, and has left both transports as they are. Null otherwise.</summary>
    internal byte[]? ReceivedPreface { get; private set; }

    private EventLoop Loop => _client.Transport.Loop;

    /// <inheritdoc/>
    public async ValueTask RunAsync()
    {
        _client.Transport.User = this;
        _server?.Begin();
        if (_client.Transport.IsClosed) Abort(_client.Transport.Failure);
        else if (_server is { Side.Transport.IsClosed: true } server) Abort(server.Side.Transport.Failure);
        Advance();
        if (!IsEnded) await _over.WaitAsync();
        if (_exchange.IsOpen) EndExchange(status: 0, error: null);
        _upgraded?.End();
        _client.Release();
        _server?.Side.Release();
        _mirrors?.End();
        if (_call is not null) await _call.EndAsync();
    }

    /// <inheritdoc/>
    public void Advance()
    {
        _hasNews = true;
        if (_isAdvancing || IsEnded) return;
        _isAdvancing = true;
        _headsInTurn = 0;
        try
        {
            while (_hasNews && !IsEnded)
            {
                _hasNews = false;
                AdvanceAll();
            }
        }
        catch (Exception exception)
        {
            // What an exception has ended ends alone, and is reported.
            Loop.ReportFault(exception);
            Abort(ProxyFailure.ProxyFault);
        }

        _isAdvancing = false;
        if (IsEnded) _over.Set(true);
    }

    /// <inheritdoc/>
    public void GiveUp() => Abort(ProxyFailure.Overload);

    /// <inheritdoc/>
    public void Abort(ProxyFailure failure)
    {
        if (IsEnded) return;
        IsEnded = true;
        Failure = failure;
        if (_exchange.IsOpen) EndExchange(status: 0, error: null);
        _hedges?.End();
        Loop.Timers.Cancel(_headDeadline);
        Loop.Timers.Cancel(_tryTimer);
        GiveUpApproval();
        _client.Clear();
        _client.Transport.Reset(failure);
        DropServer(failure);
        _server?.Side.Clear();
        _server?.Side.Transport.Reset(failure);
        if (!_isAdvancing) _over.Set(true);
    }

    /// <inheritdoc/>
    int ITransportUser.OnReceived(ITransport transport, ReadOnlySpan<byte> data) => 0;

    /// <inheritdoc/>
    void ITransportUser.OnReceivable(ITransport transport)
    {
        // Whoever waits for it has been told.
    }

    /// <inheritdoc/>
    void ITransportUser.OnBroken(ITransport transport) => Abort(transport.Failure);

    /// <inheritdoc/>
    void IHttp1ServerUser.OnServerBroken()
    {
        // Of a server that has answered and gone, the answer is still to be read; whoever reads it sees the error then. At the end it is reset by this side, too.
        if (_routing is not null) Advance();
        else if (_server!.Side.Transport.IsClosed && !_isEnding) Abort(_server.Side.Transport.Failure);
    }

    private void AdvanceAll()
    {
        if (!_isEnding) AdvanceRequests();
        if (!_isEnding && !IsEnded) AdvanceResponses();
        if (IsEnded) return;
        if (!Flush(_client)) Abort(_client.Output.Failure);
        else if (_isEnding) AdvanceEnd();
        else if (_server is not null && !Flush(_server.Side)) OnServerTakesNothing();
    }

    // What has waited for a side can go on when that takes more.
    private bool Flush(HttpSide side)
    {
        bool wasBlocked = side.Output.IsBlocked;
        if (!side.Flush()) return false;
        _hasNews |= wasBlocked && !side.Output.IsBlocked;
        return true;
    }

    // Nothing more will be asked or answered. The client gets all that was written; the server, where it has a part of a request only, sees that it was not whole.
    private void BeginEnd()
    {
        if (_isEnding || IsEnded) return;
        _isEnding = _hasNews = true;
        _hedges?.End();
        Loop.Timers.Cancel(_headDeadline);
        Loop.Timers.Cancel(_tryTimer);
        GiveUpApproval();
        _client.BeginEnd(_options.AnswerTime, _options.LingerTime);
        _call?.Abandon();
        if (_server is null) return;
        bool isTornOff = _exchange.Count > 0 && (!_exchange.IsRequestWhole || _server.Side.Output.IsBlocked);
        if (_taken is not null) DropServer(isTornOff ? ProxyFailure.ProtocolError : ProxyFailure.None);
        else if (isTornOff) _server.Side.Transport.Reset(ProxyFailure.ProtocolError);
        else _server.Side.Transport.Close();
        _server?.Side.Clear();
    }

    private void AdvanceEnd()
    {
        if (!_client.AdvanceEnd()) return;
        IsEnded = true;
        _client.Transport.Close();
    }
}
