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

    /// <summary>Takes a transport over.</summary>
    /// <param name="transport">The side.</param>
    /// <param name="owner">Whose account its bytes are on.</param>
    /// <param name="holder">The connection, which may have to end for others of that account.</param>
    internal HttpSide(ITransport transport, in BudgetHolder owner, IBufferHolder holder)
    {
        Transport = transport;
        _account = transport.Loop.Buffers.Open(owner);
        Input = new HttpInput(transport, _account, holder);
        Output = new HttpOutput(transport, new HeldBytes(_account, holder));
        _closing = new LoopTimer(static state => ((ITransport)state!).Close(), transport);
    }

    internal ITransport Transport { get; }

    internal HttpInput Input { get; }

    internal HttpOutput Output { get; }

    /// <summary>
    /// Has what was written go out, and ends this direction. What the side still sends is not answered with a reset at once, which could cost it the answer (RFC 9112, section 9.6). To be awaited by one caller only.
    /// </summary>
    /// <param name="answerTime">How long it may take to receive what was written.</param>
    /// <param name="lingerTime">How long it may go on after that; then it is closed.</param>
    /// <returns>False when it was broken or closed meanwhile.</returns>
    internal async ValueTask<bool> FinishAsync(TimeSpan answerTime, TimeSpan lingerTime)
    {
        Transport.Loop.Schedule(_closing, answerTime);
        if (!await Output.DrainAsync() || Transport.IsClosed) return false;
        Transport.Finish();
        Transport.Loop.Schedule(_closing, lingerTime);
        return true;
    }

    /// <summary>Drops what the side still sends, up to its end or until it is closed.</summary>
    internal async ValueTask DiscardAsync()
    {
        LoopSignal turn = new();
        for (int reads = 1; await Transport.ReadableAsync(); reads++)
        {
            if (Transport.Receive(Transport.Loop.Joined).IsOver) break;
            if (reads % RelayDirection.ReadsPerTurn == 0) await Transport.Loop.YieldAsync(turn);
        }
    }

    /// <summary>Drops what waits, in both directions.</summary>
    internal void Clear()
    {
        Input.Clear();
        Output.Clear();
    }

    /// <summary>Gives everything back; once, at the end.</summary>
    internal void Release()
    {
        Clear();
        Transport.Loop.Timers.Cancel(_closing);
        Transport.Loop.Buffers.Close(_account);
    }
}
