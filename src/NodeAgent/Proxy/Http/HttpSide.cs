using Culvert.Http1;
using Culvert.NodeAgent.Proxy.Limits;
using Culvert.NodeAgent.Proxy.Loop;
using Culvert.NodeAgent.Proxy.Relay;
using Culvert.NodeAgent.Proxy.Transport;

namespace Culvert.NodeAgent.Proxy.Http;

/// <summary>One side of an HTTP connection, with what has come from it and what goes to it. Belongs to its loop's thread.</summary>
internal sealed class HttpSide
{
    private readonly BufferAccount _account;
    private readonly LoopTimer _closing;
    private readonly Readiness _readable;
    private readonly Readiness _writable;
    private readonly Readiness _turn;
    private readonly LoopSignal _nextTurn = new();
    private TimeSpan _lingerTime;
    private bool _isFinished;

    /// <summary>Takes a transport over.</summary>
    /// <param name="transport">The side.</param>
    /// <param name="owner">Whose account its bytes are on.</param>
    /// <param name="user">The connection, which may have to end for others of that account.</param>
    internal HttpSide(ITransport transport, in BudgetHolder owner, IHttpSideUser user)
    {
        Transport = transport;
        _account = transport.Loop.Buffers.Open(owner);
        Input = new HttpInput(transport, _account, user);
        Output = new HttpOutput(transport, new HeldBytes(_account, user));
        _readable = new Readiness(_ => user.Advance());
        _turn = new Readiness(_ => user.Advance());
        _writable = new Readiness(isOpen =>
        {
            Output.OnWritable(isOpen);
            user.Advance();
        });
        _closing = new LoopTimer(static state => ((ITransport)state!).Close(), transport);
    }

    internal ITransport Transport { get; }

    internal HttpInput Input { get; }

    internal HttpOutput Output { get; }

    /// <summary>Has the user called when something can be received. To be called when receiving was blocked.</summary>
    internal void AwaitReadable()
    {
        if (!_readable.IsAwaited && !Transport.IsClosed) _readable.Await(Transport.ReadableAsync());
    }

    /// <summary>Receives more of a body.</summary>
    /// <param name="kind">How it ends.</param>
    /// <returns>Moved, Waits, Overload, Whole where its end is that of the connection, or Incomplete.</returns>
    internal BodyProgress ReceiveBody(BodyKind kind)
    {
        TransportResult received = Input.Receive();
        return Input.IsOverloaded ? BodyProgress.Overload : ProgressOf(received, kind);
    }

    /// <summary>What the receiving of a body's bytes has come to; has the user called when there was nothing, once there is.</summary>
    internal BodyProgress ProgressOf(TransportResult received, BodyKind kind)
    {
        switch (received.Status)
        {
            case TransportStatus.Done:
                return BodyProgress.Moved;
            case TransportStatus.Blocked:
                AwaitReadable();
                return BodyProgress.Waits;
            case TransportStatus.Ended when kind == BodyKind.UntilClose:
                return BodyProgress.Whole;
            default:
                return BodyProgress.Incomplete;
        }
    }

    /// <summary>Has the user called when others of the loop have had their turn.</summary>
    internal void AwaitTurn()
    {
        if (!_turn.IsAwaited) _turn.Await(Transport.Loop.YieldAsync(_nextTurn));
    }

    /// <summary>Has what waits go out as far as the side takes it, and the user called when it takes more.</summary>
    /// <returns>False when it is broken, or there is no buffer for what waits; <see cref="HttpOutput.Failure"/> says which.</returns>
    internal bool Flush()
    {
        if (!Output.Flush()) return false;
        if (Output.IsBlocked && !_writable.IsAwaited) _writable.Await(Transport.WritableAsync());
        return true;
    }

    /// <summary>
    /// Nothing more will be written. What was, goes out and is the end of this direction; what the side still sends is dropped. It is not answered with a reset at once, which could cost the side what it was answered (RFC 9112,
    /// section 9.6). <see cref="AdvanceEnd"/> does it.
    /// </summary>
    /// <param name="answerTime">How long it may take to receive what was written.</param>
    /// <param name="lingerTime">How long it may go on after that; then it is closed.</param>
    internal void BeginEnd(TimeSpan answerTime, TimeSpan lingerTime)
    {
        _lingerTime = lingerTime;
        Transport.Loop.Schedule(_closing, answerTime);
    }

    /// <summary>Goes on with the end, after <see cref="Flush"/>.</summary>
    /// <returns>Whether the side has ended too, is broken or closed.</returns>
    internal bool AdvanceEnd()
    {
        if (Transport.IsClosed) return true;
        if (Output.IsBlocked) return false;
        if (!_isFinished)
        {
            _isFinished = true;
            Input.Clear();
            Transport.Finish();
            Transport.Loop.Schedule(_closing, _lingerTime);
        }

        return !Discard();
    }

    /// <summary>Drops what waits, in both directions.</summary>
    internal void Clear()
    {
        Input.Clear();
        Output.Clear();
    }

    /// <summary>Somebody else goes on with the transport: its user is not called any more.</summary>
    internal void HandOver()
    {
        if (_readable.IsAwaited) Transport.StopWaiting();
        Clear();
    }

    /// <summary>Gives everything back; once, at the end.</summary>
    internal void Release()
    {
        Clear();
        Transport.Loop.Timers.Cancel(_closing);
        Transport.Loop.Buffers.Close(_account);
    }

    // False at its end.
    private bool Discard()
    {
        for (int reads = 0; reads < RelayDirection.ReadsPerTurn; reads++)
        {
            if (!Transport.CanReceive)
            {
                AwaitReadable();
                return !Transport.IsClosed;
            }

            if (Transport.Receive(Transport.Loop.Joined).IsOver) return false;
        }

        AwaitTurn();
        return true;
    }
}
