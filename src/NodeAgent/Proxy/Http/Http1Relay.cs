using Culvert.Http1;
using Culvert.NodeAgent.Proxy.Limits;
using Culvert.NodeAgent.Proxy.Loop;
using Culvert.NodeAgent.Proxy.Model;
using Culvert.NodeAgent.Proxy.Relay;
using Culvert.NodeAgent.Proxy.Transport;

namespace Culvert.NodeAgent.Proxy.Http;

/// <summary>
/// Carries HTTP/1.1 between a client and a server, one request after the other: every message is read strictly and written anew, so that both sides see the same ones. What the client has sent beyond a request waits until that has
/// been answered. Belongs to its loop's thread.
/// </summary>
/// <remarks>
/// Two tasks, one for each direction, are the only readers of their sides. They wait for each other by signals, whose waiters go on inline: what one has read of the shared state before it sets a signal need not be true after. Heads and chunks are composed in the loop's second buffer and written at once: nothing that may run meanwhile (<see cref="GiveUp"/>) composes anything.
/// </remarks>
internal sealed partial class Http1Relay : IRunningConnection, ITransportUser, IBufferHolder
{
    private readonly HttpSide _client;
    private readonly HttpSide _server;
    private readonly HttpOptions _options;
    private readonly IRequestObserver _observer;
    private readonly TimeProvider _time;
    private readonly HttpExchange _exchange = new();
    private Task? _ending;
    private bool _isEnding; // nothing more is asked or answered
    private bool _isBytes; // it has changed to another protocol, or never spoke this one

    /// <summary>Makes a relay; it owns both transports.</summary>
    /// <param name="client">The side that opened the connection.</param>
    /// <param name="server">The side it was opened to.</param>
    /// <param name="clientOwner">Whose account bytes are on that come from the client, or wait for it.</param>
    /// <param name="serverOwner">The same for the server.</param>
    /// <param name="options">Limits.</param>
    /// <param name="observer">Hears of requests.</param>
    /// <param name="time">The clock.</param>
    internal Http1Relay(ITransport client, ITransport server, in BudgetHolder clientOwner, in BudgetHolder serverOwner, HttpOptions options, IRequestObserver observer, TimeProvider time)
    {
        (_options, _observer, _time) = (options, observer, time);
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

    /// <summary>Runs until the connection is over; both transports are closed then.</summary>
    internal async ValueTask RunAsync()
    {
        _client.Transport.User = _server.Transport.User = this;
        if (_client.Transport.IsClosed) Abort(_client.Transport.Failure);
        else if (_server.Transport.IsClosed) Abort(_server.Transport.Failure);
        if (!IsEnded)
        {
            Task responses = RunAsync(ForwardResponsesAsync);
            await RunAsync(ForwardRequestsAsync);
            await responses;
        }

        if (!IsEnded) await RunAsync(CloseAsync);
        if (_exchange.IsOpen) EndExchange(status: 0, error: null);
        _client.Release();
        _server.Release();
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
        _begun.Set(false);
        _responded.Set(false);
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

    // What an exception has ended ends alone, and is reported.
    private async Task RunAsync(Func<ValueTask> part)
    {
        try
        {
            await part();
        }
        catch (Exception exception)
        {
            Loop.ReportFault(exception);
            Abort(ProxyFailure.ProxyFault);
        }
    }

    // One direction of what is not HTTP: an end stays an end. What was received goes first.
    private async ValueTask CarryBytesAsync(BodyPump pump, HttpSide to, ITransport from)
    {
        BodyOutcome outcome = await pump.PassAsync(BodyKind.UntilClose, length: 0, inChunks: false);
        if (IsEnded) return;
        if (outcome == BodyOutcome.Whole && await to.Output.DrainAsync()) to.Transport.Finish();
        else Abort(outcome switch { BodyOutcome.Incomplete => from.Failure, BodyOutcome.Overload => ProxyFailure.Overload, _ => to.Output.Failure });
    }

    // Nothing more will be asked or answered. The client gets all that was written; the server, where it has a part of a request only, sees that it was not whole.
    private void BeginEnd()
    {
        if (_isEnding || IsEnded) return;
        _isEnding = true;
        _ending = RunAsync(EndAsync);
    }

    private async ValueTask EndAsync()
    {
        Loop.Timers.Cancel(_headDeadline);
        if (_exchange is { Count: > 0, IsRequestWhole: false }) _server.Transport.Reset(ProxyFailure.ProtocolError);
        else _server.Transport.Close();
        _begun.Set(false);
        _responded.Set(false);
        if (_client.Output.IsDraining) Abort(ProxyFailure.ProtocolError); // the client takes nothing, not even the answer before
        else if (!await _client.FinishAsync(_options.AnswerTime, _options.LingerTime)) Abort(_client.Transport.Failure);
    }

    private async ValueTask CloseAsync()
    {
        if (!_isBytes)
        {
            BeginEnd();
            await (_ending ?? Task.CompletedTask);
            if (!IsEnded) await _client.DiscardAsync();
        }

        if (IsEnded) return;
        IsEnded = true;
        _client.Transport.Close();
        _server.Transport.Close();
    }
}
