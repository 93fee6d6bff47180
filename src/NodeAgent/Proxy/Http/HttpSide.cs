using Culvert.NodeAgent.Proxy.Limits;
using Culvert.NodeAgent.Proxy.Loop;
using Culvert.NodeAgent.Proxy.Transport;

namespace Culvert.NodeAgent.Proxy.Http;

/// <summary>One side of an HTTP connection, with what has come from it and what goes to it. Belongs to its loop's thread.</summary>
internal sealed class HttpSide
{
    private readonly BufferAccount _account;
    private readonly LoopTimer _lingering;

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
        _lingering = new LoopTimer(static state => ((ITransport)state!).Close(), transport);
    }

    internal ITransport Transport { get; }

    internal HttpInput Input { get; }

    internal HttpOutput Output { get; }

    /// <summary>Ends this direction; all that was written has to be on its way. What the side still sends is not answered with a reset at once, which could cost it the answer (RFC 9112, section 9.6).</summary>
    /// <param name="most">How long it may go on before it is closed.</param>
    internal void Finish(TimeSpan most)
    {
        Transport.Finish();
        Transport.Loop.Schedule(_lingering, most);
    }

    /// <summary>Drops what the side still sends, up to its end or until it is closed.</summary>
    internal async ValueTask DiscardAsync()
    {
        while (await Transport.ReadableAsync())
        {
            if (Transport.Receive(Transport.Loop.Joined).IsOver) break;
        }

        Transport.Loop.Timers.Cancel(_lingering);
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
        Transport.Loop.Buffers.Close(_account);
    }
}
