using Culvert.Interop.Sockets;
using Culvert.NodeAgent.Proxy.Loop;

namespace Culvert.NodeAgent.Proxy.Relay;

/// <summary>
/// Carries bytes between two sockets of one loop: FIN stays FIN, RST stays RST, a slow reader slows the writer. Belongs to its
/// loop's thread.
/// </summary>
internal sealed class SocketRelay : IConnectionRelay, IBufferHolder
{
    private const int ReadSize = 64 * 1024;

    // One busy connection gives way to others after so many reads.
    private const int ReadsPerTurn = 16;

    private readonly EventLoop _loop;
    private readonly LoopSocket _client;
    private readonly LoopSocket _server;
    private readonly LoopSignal _finished = new();
    private readonly BufferAccount _clientAccount;
    private readonly BufferAccount _serverAccount;
    private int _running = 2;
    private bool _ended;

    /// <summary>Makes a relay; it owns both sockets from <see cref="RunAsync"/> on.</summary>
    /// <param name="client">The side that opened the connection.</param>
    /// <param name="server">The side it was opened to.</param>
    /// <param name="clientAddress">Whose account bytes are on that wait for the client.</param>
    /// <param name="serverAddress">The same for the server.</param>
    internal SocketRelay(LoopSocket client, LoopSocket server, in SocketEndPoint clientAddress, in SocketEndPoint serverAddress)
    {
        _loop = client.Loop;
        _client = client;
        _server = server;
        _clientAccount = _loop.Buffers.Open(clientAddress.WithPort(0));
        _serverAccount = _loop.Buffers.Open(serverAddress.WithPort(0));
    }

    /// <inheritdoc/>
    public long BytesSent { get; private set; }

    /// <inheritdoc/>
    public long BytesReceived { get; private set; }

    /// <inheritdoc/>
    public ProxyFailure Failure { get; private set; }

    /// <summary>Runs until both directions have ended or one side has failed; both sockets are closed then.</summary>
    internal async ValueTask<ProxyFailure> RunAsync()
    {
        _client.Broken = () => Abort(ProxyFailure.ApplicationReset);
        _server.Broken = () => Abort(ProxyFailure.ApplicationReset);
        _ = PumpAsync(_client, _server, towardsServer: true);
        _ = PumpAsync(_server, _client, towardsServer: false);
        if (!_ended) await _finished.WaitAsync();
        _loop.Buffers.Close(_clientAccount);
        _loop.Buffers.Close(_serverAccount);
        return Failure;
    }

    /// <inheritdoc/>
    public void GiveUp() => Abort(ProxyFailure.Overload);

    /// <inheritdoc/>
    public void Abort(ProxyFailure failure)
    {
        if (_ended) return;
        _ended = true;
        Failure = failure;
        _client.Reset();
        _server.Reset();
        _finished.Set(true);
    }

    private async Task PumpAsync(LoopSocket from, LoopSocket to, bool towardsServer)
    {
        WriteBuffer unsent = new(towardsServer ? _serverAccount : _clientAccount, this);
        LoopSignal turn = new();
        try
        {
            for (int reads = 1; !_ended; reads++)
            {
                IoResult received = Forward(from, to, unsent, towardsServer);
                if (received.Count == 0) break;
                bool goOn = received.WouldBlock ? await from.ReadableAsync()
                    : reads % ReadsPerTurn != 0 || await _loop.YieldAsync(turn);
                if (!received.Succeeded && !received.WouldBlock) Abort(ProxyFailure.ApplicationReset);
                while (goOn && !unsent.IsEmpty) goOn = await to.WritableAsync() && Drain(to, unsent);
                if (!goOn) return;
            }

            if (!_ended) Finish(to);
        }
        catch (Exception exception)
        {
            _loop.ReportFault(exception);
            Abort(ProxyFailure.ProxyFault);
        }
        finally
        {
            unsent.Clear();
        }
    }

    private IoResult Forward(LoopSocket from, LoopSocket to, WriteBuffer unsent, bool towardsServer)
    {
        Span<byte> scratch = _loop.Scratch.AsSpan(0, ReadSize);
        IoResult received = from.Receive(scratch);
        if (received.Count <= 0) return received;
        if (towardsServer) BytesSent += received.Count;
        else BytesReceived += received.Count;
        ReadOnlySpan<byte> data = scratch[..received.Count];
        IoResult sent = to.Send(data);
        if (sent.Succeeded) data = data[sent.Count..];
        else if (!sent.WouldBlock) return sent;
        if (data.IsEmpty || unsent.Append(data)) return received;
        Abort(ProxyFailure.Overload);
        return received;
    }

    private bool Drain(LoopSocket to, WriteBuffer unsent)
    {
        while (!unsent.IsEmpty)
        {
            IoResult sent = to.Send(unsent.Peek());
            if (sent.WouldBlock) return true;
            if (!sent.Succeeded)
            {
                Abort(ProxyFailure.ApplicationReset);
                return false;
            }

            unsent.Advance(sent.Count);
        }

        return true;
    }

    private void Finish(LoopSocket to)
    {
        _ = to.Handle.Shutdown(ShutdownDirection.Write);
        if (--_running > 0) return;
        _ended = true;
        _client.CloseInOrder();
        _server.CloseInOrder();
        _finished.Set(true);
    }
}
