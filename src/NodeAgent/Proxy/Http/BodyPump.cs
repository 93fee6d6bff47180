using System.Runtime.CompilerServices;
using Culvert.Http1;
using Culvert.NodeAgent.Proxy.Loop;
using Culvert.NodeAgent.Proxy.Relay;
using Culvert.NodeAgent.Proxy.Transport;

namespace Culvert.NodeAgent.Proxy.Http;

/// <summary>
/// Passes bodies of messages from one side to the other: what its sender has framed is framed anew for the receiver, so that nothing of it can be taken for anything else. Receives no more while the receiver takes nothing.
/// Belongs to its loop's thread.
/// </summary>
/// <param name="from">The sender.</param>
/// <param name="to">The receiver.</param>
/// <param name="limits">What trailers may have.</param>
internal sealed class BodyPump(HttpSide from, HttpSide to, Http1Limits limits)
{
    private const int LargestPiece = 64 * 1024;

    private readonly ChunkedReader _chunks = new(limits);
    private LoopSignal? _turn;
    private int _reads;

    private enum Step
    {
        Moved,
        Wait,
        Ended,
        Broken,
        Done,
        Malformed,
        NotTaken,
        Overload,
    }

    /// <summary>Why a body was malformed; null otherwise.</summary>
    internal MessageRefusal? Refusal { get; private set; }

    /// <summary>Passes a body.</summary>
    /// <param name="kind">How it ends where it comes from.</param>
    /// <param name="length">Its length, for one of <see cref="BodyKind.Length"/>.</param>
    /// <param name="inChunks">Whether it goes on in chunks; one that comes in chunks and does not loses its trailers.</param>
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    internal async ValueTask<BodyOutcome> PassAsync(BodyKind kind, long length, bool inChunks)
    {
        Refusal = null;
        if (kind == BodyKind.None) return BodyOutcome.Whole;
        _chunks.Begin();
        for (long left = kind == BodyKind.Length ? length : long.MaxValue; ;)
        {
            if (to.Output.IsBlocked && !await to.Output.DrainAsync()) return BodyOutcome.NotTaken;
            switch (Move(kind, inChunks, ref left))
            {
                case Step.Moved:
                    if (++_reads % RelayDirection.ReadsPerTurn == 0) await from.Transport.Loop.YieldAsync(_turn ??= new LoopSignal());
                    break;
                case Step.Wait:
                    if (!await from.Transport.ReadableAsync()) return BodyOutcome.Incomplete;
                    break;
                case Step.Ended:
                    if (kind != BodyKind.UntilClose) return BodyOutcome.Incomplete;
                    return !inChunks || WriteEnd() ? BodyOutcome.Whole : BodyOutcome.NotTaken;
                case Step.Broken: return BodyOutcome.Incomplete;
                case Step.Done: return BodyOutcome.Whole;
                case Step.Malformed: return BodyOutcome.Malformed;
                case Step.NotTaken: return BodyOutcome.NotTaken;
                case Step.Overload: return BodyOutcome.Overload;
            }
        }
    }

    private Step Move(BodyKind kind, bool inChunks, ref long left)
    {
        if (kind == BodyKind.Chunked) return MoveChunks(inChunks);
        Step step = inChunks || from.Input.Bytes.Length > 0 ? MoveReceived(inChunks, ref left) : MoveDirectly(ref left);
        return step == Step.Moved && left == 0 ? Step.Done : step;
    }

    // What was received with the head, or has to be framed.
    private Step MoveReceived(bool inChunks, ref long left)
    {
        ReadOnlySpan<byte> bytes = from.Input.Bytes;
        if (bytes.IsEmpty) return Receive();
        bytes = bytes[..(int)Math.Min(left, bytes.Length)];
        left -= bytes.Length;
        if (!(inChunks ? WriteChunk(bytes) : to.Output.Write(bytes))) return Step.NotTaken;
        from.Input.Consume(bytes.Length);
        return Step.Moved;
    }

    // From where it lies, or from the system, into what the receiver sends.
    private Step MoveDirectly(ref long left)
    {
        ReadOnlySpan<byte> held = from.Transport.Held;
        if (!held.IsEmpty)
        {
            int count = (int)Math.Min(left, held.Length);
            if (!to.Output.Write(held[..count])) return Step.NotTaken;
            from.Transport.Take(count);
            left -= count;
            return Step.Moved;
        }

        if (!from.Transport.CanReceive) return Step.Wait;
        TransportResult passed = to.Output.Pass(from.Transport, (int)Math.Min(left, LargestPiece), out bool isBroken);
        left -= passed.Count;
        return isBroken ? Step.NotTaken : StepOf(passed);
    }

    private Step MoveChunks(bool inChunks)
    {
        ReadOnlySpan<byte> bytes = from.Input.Bytes;
        ChunkResult result = _chunks.Read(bytes);
        if (result.Refusal is not null)
        {
            Refusal = result.Refusal;
            return Step.Malformed;
        }

        ReadOnlySpan<byte> content = bytes[result.Data];
        if (!content.IsEmpty && !(inChunks ? WriteChunk(content) : to.Output.Write(content))) return Step.NotTaken;
        if (result.Consumed > 0) from.Input.Consume(result.Consumed);
        if (result.IsEnd) return !inChunks || WriteEnd() ? Step.Done : Step.NotTaken;
        return result.Consumed > 0 && !from.Input.Bytes.IsEmpty ? Step.Moved : Receive();
    }

    private Step Receive()
    {
        TransportResult received = from.Input.Receive();
        return from.Input.IsOverloaded ? Step.Overload : StepOf(received);
    }

    private static Step StepOf(TransportResult received) => received.Status switch
    {
        TransportStatus.Done => Step.Moved,
        TransportStatus.Blocked => Step.Wait,
        TransportStatus.Ended => Step.Ended,
        _ => Step.Broken,
    };

    private bool WriteChunk(ReadOnlySpan<byte> content)
    {
        Span<byte> room = to.Transport.Loop.Joined;
        int size = Http1HeadWriter.WriteChunkSize(content.Length, room);
        content.CopyTo(room[size..]);
        "\r\n"u8.CopyTo(room[(size + content.Length)..]);
        return to.Output.Write(room[..(size + content.Length + 2)]);
    }

    private bool WriteEnd()
    {
        Span<byte> room = to.Transport.Loop.Joined;
        return Http1HeadWriter.TryWriteLastChunk(_chunks.Trailers, room, out int length) && to.Output.Write(room[..length]);
    }
}
