using Culvert.NodeAgent.Proxy.Limits;
using Culvert.NodeAgent.Proxy.Loop;
using Culvert.NodeAgent.Proxy.Model;
using Culvert.NodeAgent.Proxy.Transport;

namespace Culvert.NodeAgent.Proxy.Relay;

/// <summary>
/// One direction of a relay. Bytes that are handed over go on where they lie; others are received into room that the next transport has reserved, and only what that does not
/// take is copied. While something waits nothing more is received. Belongs to its loop's thread.
/// </summary>
/// <param name="relay">The relay, which ends for others of its account when there are no buffers.</param>
/// <param name="from">Where bytes come from.</param>
/// <param name="to">Where they go.</param>
/// <param name="receiver">Whose account bytes are on that wait.</param>
internal sealed class RelayDirection(ByteRelay relay, ITransport from, ITransport to, BudgetHolder receiver)
{
    private const int ReadSize = 64 * 1024;

    /// <summary>One busy connection gives way to others after so many reads.</summary>
    internal const int ReadsPerTurn = 8;

    // Most connections never need them.
    private BufferAccount? _account;
    private HeldBytes? _unsent;
    private LoopSignal? _turn;
    private bool _running;
    private bool _waitsForRoom;
    private bool _unflushed;

    private enum Step
    {
        Moved,
        NothingThere,
        NoRoom,
        Ended,
        Stopped,
    }

    /// <summary>Bytes that were moved.</summary>
    internal long Bytes { get; private set; }

    /// <summary>Whether its end has come and was passed on.</summary>
    internal bool HasEnded { get; private set; }

    /// <summary>Whether nobody receives, so that an error would not be seen.</summary>
    internal bool IsNotReceiving => HasEnded || _waitsForRoom;

    /// <summary>Moves what there is, and what comes; does nothing while it does so.</summary>
    internal void Start()
    {
        if (_running || HasEnded) return;
        _running = true;
        _ = RunAsync();
    }

    /// <summary>Bytes come, and nothing lies in front of them: says how many went on.</summary>
    internal int ForwardReceived(ReadOnlySpan<byte> data)
    {
        if (_waitsForRoom || relay.IsEnded) return 0;
        TransportResult sent = to.Send(data);
        if (!TryCount(sent)) return 0;

        // All is taken, but some of it waits inside: nobody else would have it go out.
        if (_unflushed && sent.Count == data.Length) Start();
        return sent.Count;
    }

    /// <summary>Forgets what waits.</summary>
    internal void Drop() => _unsent?.Clear();

    /// <summary>Gives the account back, if there was one.</summary>
    internal void CloseAccount()
    {
        if (_account is not null) to.Loop.Buffers.Close(_account);
        _account = null;
    }

    private async Task RunAsync()
    {
        try
        {
            for (int reads = 1; !relay.IsEnded;)
            {
                switch (Move())
                {
                    case Step.Moved:
                        if (reads++ % ReadsPerTurn == 0) await from.Loop.YieldAsync(_turn ??= new LoopSignal());
                        break;
                    case Step.NothingThere:
                        if (from.HandsOver)
                        {
                            _running = false;
                            return;
                        }

                        if (!await from.ReadableAsync()) relay.Abort(from.Failure);
                        break;
                    case Step.NoRoom:
                        _waitsForRoom = true;
                        if (!await to.WritableAsync()) relay.Abort(to.Failure);
                        _waitsForRoom = false;
                        break;
                    case Step.Ended:
                        HasEnded = true;
                        to.Finish();
                        relay.OnDirectionEnded();
                        return;
                    case Step.Stopped:
                        return;
                }
            }
        }
        catch (Exception exception)
        {
            from.Loop.ReportFault(exception);
            relay.Abort(ProxyFailure.ProxyFault);
        }
        finally
        {
            if (relay.IsEnded) Drop();
        }
    }

    private Step Move()
    {
        if (_unsent is { IsEmpty: false }) return MoveUnsent(_unsent);
        if (_unflushed && !TryCount(to.Flush())) return Step.Stopped;
        if (_unflushed) return Step.NoRoom;
        ReadOnlySpan<byte> held = from.Held;
        return held.IsEmpty ? Receive() : MoveHeld(held);
    }

    private Step Receive()
    {
        if (!from.CanReceive) return Step.NothingThere;
        Span<byte> room = to.Reserve(ReadSize);
        if (room.IsEmpty) return Step.NoRoom;
        TransportResult received = from.Receive(room);
        TransportResult sent = to.Commit(received.Count);
        switch (received.Status)
        {
            case TransportStatus.Blocked: return Step.NothingThere;
            case TransportStatus.Ended: return Step.Ended;
            case TransportStatus.Failed: return Fail(from);
        }

        if (!TryCount(sent)) return Step.Stopped;
        Bytes += received.Count - sent.Count;
        if (sent.Count == received.Count) return _unflushed ? Step.NoRoom : Step.Moved;
        if (Hold(room[sent.Count..received.Count])) return Step.NoRoom;
        relay.Abort(ProxyFailure.Overload);
        return Step.Stopped;
    }

    private Step MoveHeld(ReadOnlySpan<byte> held)
    {
        TransportResult sent = to.Send(held);
        if (!TryCount(sent)) return Step.Stopped;
        if (sent.Count > 0) from.Take(sent.Count);
        return sent.Status == TransportStatus.Blocked ? Step.NoRoom : Step.Moved;
    }

    private Step MoveUnsent(HeldBytes unsent)
    {
        TransportResult sent = to.Send(unsent.Peek());
        if (sent.IsOver) return Fail(to);
        if (sent.Count > 0) unsent.Advance(sent.Count);
        _unflushed = sent.Status == TransportStatus.Blocked;
        return _unflushed ? Step.NoRoom : Step.Moved;
    }

    private bool Hold(ReadOnlySpan<byte> data)
    {
        if (_unsent is null)
        {
            _account = to.Loop.Buffers.Open(receiver);
            _unsent = new HeldBytes(_account, relay);
        }

        return _unsent.Append(data);
    }

    // False when the transport is broken: the relay has ended.
    private bool TryCount(TransportResult sent)
    {
        if (sent.IsOver)
        {
            Fail(to);
            return false;
        }

        Bytes += sent.Count;
        _unflushed = sent.Status == TransportStatus.Blocked;
        return true;
    }

    private Step Fail(ITransport transport)
    {
        relay.Abort(transport.Failure);
        return Step.Stopped;
    }
}
