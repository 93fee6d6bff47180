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
internal sealed partial class Http1Relay : IHttpRelay, ITransportUser, IHttpSideUser
{
    private readonly HttpSide _client;
    private readonly HttpSide _server;
    private readonly RequestGate _gate;
    private readonly HttpOptions _options;
    private readonly IRequestObserver _observer;
    private readonly TimeProvider _time;
    private readonly HttpExchange _exchange = new();
    private readonly LoopSignal _over = new();
    private bool _isAdvancing;
    private bool _hasNews;
    private bool _isEnding; // nothing more is asked or answered
    private bool _isBytes; // it has changed to another protocol, or never spoke this one

    /// <summary>Makes a relay; it owns both transports.</summary>
    /// <param name="client">The side that opened the connection.</param>
    /// <param name="server">The side it was opened to.</param>
    /// <param name="clientOwner">Whose account bytes are on that come from the client, or wait for it.</param>
    /// <param name="serverOwner">The same for the server.</param>
    /// <param name="gate">Asks policy about requests.</param>
    /// <param name="options">Limits.</param>
    /// <param name="observer">Hears of requests.</param>
    /// <param name="time">The clock.</param>
    internal Http1Relay(ITransport client, ITransport server, in BudgetHolder clientOwner, in BudgetHolder serverOwner, RequestGate gate, HttpOptions options, IRequestObserver observer, TimeProvider time)
    {
        (_gate, _options, _observer, _time) = (gate, options, observer, time);
        gate.OnChanged(AskAnew);
        _client = new HttpSide(client, clientOwner, this);
        _server = new HttpSide(server, serverOwner, this);
        _requests = new Http1HeadInput(_client, options.Limits);
        _responses = new Http1HeadInput(_server, options.Limits);
        _requestBodies = new BodyPump(_client, _server, options.Limits);
        _responseBodies = new BodyPump(_server, _client, options.Limits);
        _headDeadline = new LoopTimer(static state => ((Http1Relay)state!).OnSlowHead(), this);
    }

    /// <inheritdoc/>
    public long BytesSent => _server.Output.Written;

    /// <inheritdoc/>
    public long BytesReceived => _client.Output.Written;

    /// <inheritdoc/>
    public ProxyFailure Failure { get; private set; }

    /// <summary>Whether it is over.</summary>
    internal bool IsEnded { get; private set; }

    private EventLoop Loop => _client.Transport.Loop;

    /// <inheritdoc/>
    public async ValueTask RunAsync()
    {
        _client.Transport.User = _server.Transport.User = this;
        if (_client.Transport.IsClosed) Abort(_client.Transport.Failure);
        else if (_server.Transport.IsClosed) Abort(_server.Transport.Failure);
        Advance();
        if (!IsEnded) await _over.WaitAsync();
        if (_exchange.IsOpen) EndExchange(status: 0, error: null);
        _client.Release();
        _server.Release();
    }

    /// <inheritdoc/>
    public void Advance()
    {
        _hasNews = true;
        if (_isAdvancing || IsEnded) return;
        _isAdvancing = true;
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
        Loop.Timers.Cancel(_headDeadline);
        _client.Clear();
        _server.Clear();
        _client.Transport.Reset(failure);
        _server.Transport.Reset(failure);
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
    void ITransportUser.OnBroken(ITransport transport)
    {
        // Of a server that has answered and gone, the answer is still to be read; whoever reads it sees the error then. At the end it is reset by this side, too.
        if (ReferenceEquals(transport, _client.Transport) || (transport.IsClosed && !_isEnding)) Abort(transport.Failure);
    }

    private void AdvanceAll()
    {
        if (!_isEnding) AdvanceRequests();
        if (!_isEnding && !IsEnded) AdvanceResponses();
        if (IsEnded) return;
        if (!Flush(_client)) Abort(_client.Output.Failure);
        else if (_isEnding) AdvanceEnd();
        else if (!Flush(_server)) OnServerTakesNothing();
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
        Loop.Timers.Cancel(_headDeadline);
        _client.BeginEnd(_options.AnswerTime, _options.LingerTime);
        if (_exchange.Count > 0 && (!_exchange.IsRequestWhole || _server.Output.IsBlocked)) _server.Transport.Reset(ProxyFailure.ProtocolError);
        else _server.Transport.Close();
        _server.Clear();
    }

    private void AdvanceEnd()
    {
        if (!_client.AdvanceEnd()) return;
        IsEnded = true;
        _client.Transport.Close();
    }
}
