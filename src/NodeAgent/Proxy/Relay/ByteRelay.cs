using Culvert.NodeAgent.Proxy.Limits;
using Culvert.NodeAgent.Proxy.Loop;
using Culvert.NodeAgent.Proxy.Model;
using Culvert.NodeAgent.Proxy.Transport;

namespace Culvert.NodeAgent.Proxy.Relay;

/// <summary>
/// Carries bytes both ways between two transports of one loop, whatever they are: an end stays an end, a reset stays a reset, a slow reader slows the writer. Belongs to
/// its loop's thread.
/// </summary>
internal sealed class ByteRelay : IRunningConnection, ITransportUser, IBufferHolder
{
    private readonly ITransport _client;
    private readonly ITransport _server;
    private readonly RelayDirection _up;
    private readonly RelayDirection _down;
    private readonly LoopSignal _finished = new();

    /// <summary>Makes a relay; it owns both transports.</summary>
    /// <param name="client">The side that opened the connection.</param>
    /// <param name="server">The side it was opened to.</param>
    /// <param name="clientHolder">Whose account bytes are on that wait for the client.</param>
    /// <param name="serverHolder">The same for the server.</param>
    internal ByteRelay(ITransport client, ITransport server, in BudgetHolder clientHolder, in BudgetHolder serverHolder)
    {
        _client = client;
        _server = server;
        _up = new RelayDirection(this, client, server, serverHolder);
        _down = new RelayDirection(this, server, client, clientHolder);
    }

    /// <inheritdoc/>
    public long BytesSent => _up.Bytes;

    /// <inheritdoc/>
    public long BytesReceived => _down.Bytes;

    /// <inheritdoc/>
    public ProxyFailure Failure { get; private set; }

    /// <summary>Whether it is over.</summary>
    internal bool IsEnded { get; private set; }

    /// <summary>Runs until both directions have ended or one side has failed; both transports are closed then.</summary>
    internal async ValueTask<ProxyFailure> RunAsync()
    {
        _client.User = _server.User = this;
        if (_client.IsClosed) Abort(_client.Failure);
        else if (_server.IsClosed) Abort(_server.Failure);
        if (!IsEnded) _up.Start();
        if (!IsEnded) _down.Start();
        if (!IsEnded) await _finished.WaitAsync();
        _up.CloseAccount();
        _down.CloseAccount();
        return Failure;
    }

    /// <inheritdoc/>
    public void GiveUp() => Abort(ProxyFailure.Overload);

    /// <inheritdoc/>
    public void Abort(ProxyFailure failure)
    {
        if (IsEnded) return;
        IsEnded = true;
        Failure = failure;
        _up.Drop();
        _down.Drop();
        _client.Reset(failure);
        _server.Reset(failure);
        _finished.Set(true);
    }

    /// <inheritdoc/>
    int ITransportUser.OnReceived(ITransport transport, ReadOnlySpan<byte> data) => DirectionFrom(transport).ForwardReceived(data);

    /// <inheritdoc/>
    void ITransportUser.OnReceivable(ITransport transport)
    {
        if (!IsEnded) DirectionFrom(transport).Start();
    }

    /// <inheritdoc/>
    void ITransportUser.OnBroken(ITransport transport)
    {
        // Whoever receives from it at the moment takes what came before, and then sees the error; this is for a connection that only waits.
        if (!IsEnded && (transport.IsClosed || DirectionFrom(transport).IsNotReceiving)) Abort(transport.Failure);
    }

    /// <summary>One direction has ended, and its end has been passed on.</summary>
    internal void OnDirectionEnded()
    {
        if (IsEnded || !_up.HasEnded || !_down.HasEnded) return;
        IsEnded = true;
        _client.Close();
        _server.Close();
        _finished.Set(true);
    }

    private RelayDirection DirectionFrom(ITransport transport) => ReferenceEquals(transport, _client) ? _up : _down;
}
