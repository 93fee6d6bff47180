using Culvert.Http1;
using Culvert.Http2;
using Culvert.NodeAgent.Proxy.Relay;
using Culvert.NodeAgent.Proxy.Transport;

namespace Culvert.NodeAgent.Proxy.Http;

/// <summary>
/// Passes bodies of messages from one side to the other: what its sender has framed is framed anew for the receiver, so that nothing of it can be taken for anything else. Receives no more while the receiver takes nothing.
/// Belongs to its loop's thread.
/// </summary>
/// <param name="limits">What trailers may have.</param>
internal sealed class BodyPump(Http1Limits limits)
{
    private const int LargestPiece = 64 * 1024;

    private readonly ChunkedReader _chunks = new(limits);
    private HttpSide? _from;
    private HttpSide? _to;
    private BodyKind _kind;
    private long _left;
    private bool _inChunks;
    private RequestGate? _gate;

    /// <summary>Takes what passes of the body that runs; null: nobody does. To be set before a body begins.</summary>
    internal IBodyCopy? Copy { get; set; }

    /// <summary>Bytes of bodies that have passed since it was last set, without framing.</summary>
    internal long Passed { get; set; }

    /// <summary>The body's trailers, once it is whole; null when there are none.</summary>
    internal HeaderList? Trailers => _kind == BodyKind.Chunked && _chunks.Trailers.Count > 0 ? _chunks.Trailers : null;

    /// <summary>Why a body was malformed; null otherwise.</summary>
    internal MessageRefusal? Refusal { get; private set; }

    private HttpSide From => _from ?? throw new InvalidOperationException("no body has begun");

    private HttpSide To => _to ?? throw new InvalidOperationException("no body has begun");

    /// <summary>Begins with a body.</summary>
    /// <param name="from">The sender.</param>
    /// <param name="to">The receiver.</param>
    /// <param name="kind">How it ends where it comes From.</param>
    /// <param name="length">Its length, for one of <see cref="BodyKind.Length"/>.</param>
    /// <param name="inChunks">Whether it goes on in chunks; one that comes in chunks and does not loses its trailers.</param>
    /// <param name="gate">What trailers of requests pass; null: they are of a response.</param>
    internal void Begin(HttpSide from, HttpSide to, BodyKind kind, long length, bool inChunks, RequestGate? gate = null)
    {
        (_from, _to, _gate) = (from, to, gate);
        (_kind, _left, _inChunks) = (kind, kind == BodyKind.Length ? length : long.MaxValue, inChunks);
        Refusal = null;
        _chunks.Begin();
    }

    /// <summary>Passes what there is, of a large body one turn's share.</summary>
    internal BodyProgress Pass()
    {
        if (_kind == BodyKind.None || _left == 0) return BodyProgress.Whole;
        for (int reads = 0; reads < RelayDirection.ReadsPerTurn; reads++)
        {
            if (To.Output.IsBlocked) return BodyProgress.Waits; // whoever flushes waits for it
            if (Move() is var progress and not BodyProgress.Moved) return progress;
        }

        From.AwaitTurn();
        return BodyProgress.Waits;
    }

    private BodyProgress Move()
    {
        if (_kind == BodyKind.Chunked) return MoveChunks();
        BodyProgress progress = _inChunks || From.Input.Bytes.Length > 0 || Copy is { IsClosed: false } ? MoveReceived() : MoveDirectly();
        return progress == BodyProgress.Moved && _left == 0 ? BodyProgress.Whole : progress;
    }

    // What was received with the head, or has to be framed.
    private BodyProgress MoveReceived()
    {
        ReadOnlySpan<byte> bytes = From.Input.Bytes;
        if (bytes.IsEmpty) return Receive();
        bytes = bytes[..(int)Math.Min(_left, bytes.Length)];
        _left -= bytes.Length;
        if (!(_inChunks ? BodyFraming.WriteChunk(To, bytes) : To.Output.Write(bytes))) return BodyProgress.NotTaken;
        Passed += bytes.Length;
        Copy?.Append(bytes);
        From.Input.Consume(bytes.Length);
        return BodyProgress.Moved;
    }

    // From where it lies, or from the system, into what the receiver sends.
    private BodyProgress MoveDirectly()
    {
        ReadOnlySpan<byte> held = From.Transport.Held;
        if (!held.IsEmpty)
        {
            int count = (int)Math.Min(_left, held.Length);
            if (!To.Output.Write(held[..count])) return BodyProgress.NotTaken;
            From.Transport.Take(count);
            _left -= count;
            Passed += count;
            return BodyProgress.Moved;
        }

        if (!From.Transport.CanReceive) return From.Transport.IsClosed ? BodyProgress.Incomplete : Wait();
        TransportResult passed = To.Output.Pass(From.Transport, (int)Math.Min(_left, LargestPiece), out bool isBroken);
        _left -= passed.Count;
        Passed += passed.Count;
        if (isBroken) return BodyProgress.NotTaken;
        return passed.Count == 0 && To.Output.IsBlocked ? BodyProgress.Waits : EndOr(From.ProgressOf(passed, _kind));
    }

    private BodyProgress MoveChunks()
    {
        ReadOnlySpan<byte> bytes = From.Input.Bytes;
        ChunkResult result = _chunks.Read(bytes);
        if (result.Refusal is not null)
        {
            Refusal = result.Refusal;
            return BodyProgress.Malformed;
        }

        ReadOnlySpan<byte> content = bytes[result.Data];
        if (!content.IsEmpty && !(_inChunks ? BodyFraming.WriteChunk(To, content) : To.Output.Write(content))) return BodyProgress.NotTaken;
        Passed += content.Length;
        Copy?.Append(content);
        if (result.Consumed > 0) From.Input.Consume(result.Consumed);
        if (result.IsEnd) return End();
        return result.Consumed > 0 && !From.Input.Bytes.IsEmpty ? BodyProgress.Moved : Receive();
    }

    private BodyProgress Receive() => EndOr(From.ReceiveBody(_kind));

    private BodyProgress Wait()
    {
        From.AwaitReadable();
        return BodyProgress.Waits;
    }

    private BodyProgress EndOr(BodyProgress progress) => progress == BodyProgress.Whole ? End() : progress;

    private BodyProgress End()
    {
        _left = 0;
        _gate?.Clean(_chunks.Trailers);
        return !_inChunks || BodyFraming.WriteEnd(To, _chunks.Trailers) ? BodyProgress.Whole : BodyProgress.NotTaken;
    }
}
