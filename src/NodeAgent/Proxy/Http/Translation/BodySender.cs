using Culvert.Http1;
using Culvert.Http2;
using Culvert.NodeAgent.Proxy.Relay;

namespace Culvert.NodeAgent.Proxy.Http.Translation;

/// <summary>Passes bodies that come by HTTP/1.1 to a leg of another version: their content, without what frames it. Receives no more while the leg takes nothing. Belongs to its loop's thread.</summary>
/// <param name="limits">What trailers may have.</param>
internal sealed class BodySender(Http1Limits limits)
{
    private readonly ChunkedReader _chunks = new(limits);
    private BodyKind _kind;
    private long _left;
    private int _chunk; // bytes of content in the input that the reader of chunks has been past

    /// <summary>Takes what passes of the body that runs; null: nobody does. To be set before a body begins.</summary>
    internal IBodyCopy? Copy { get; set; }

    /// <summary>Bytes of the body that have passed, without framing.</summary>
    internal long Passed { get; set; }

    /// <summary>Why a body was malformed; null otherwise.</summary>
    internal MessageRefusal? Refusal { get; private set; }

    /// <summary>The body's trailers, once it is whole; null when there are none.</summary>
    internal HeaderList? Trailers => _kind == BodyKind.Chunked && _chunks.Trailers.Count > 0 ? _chunks.Trailers : null;

    /// <summary>Begins with a body.</summary>
    /// <param name="kind">How it ends where it comes from.</param>
    /// <param name="length">Its length, for one of <see cref="BodyKind.Length"/>.</param>
    internal void Begin(BodyKind kind, long length)
    {
        (_kind, _left, _chunk, Refusal) = (kind, kind == BodyKind.Length ? length : long.MaxValue, 0, null);
        Passed = 0;
        _chunks.Begin();
    }

    /// <summary>Passes what there is, of a large body one turn's share.</summary>
    /// <param name="from">Where it comes from.</param>
    /// <param name="to">Where it goes; its end is for the caller to pass on.</param>
    internal BodyProgress Pass(HttpSide from, IExchangeLeg to)
    {
        for (int reads = 0; reads < RelayDirection.ReadsPerTurn; reads++)
        {
            BodyProgress progress = Move(from, to);
            if (progress != BodyProgress.Moved) return progress;
        }

        from.AwaitTurn();
        return BodyProgress.Waits;
    }

    private BodyProgress Move(HttpSide from, IExchangeLeg to)
    {
        if (_kind == BodyKind.None || _left == 0) return BodyProgress.Whole;
        if (_kind == BodyKind.Chunked && _chunk == 0 && !from.Input.Bytes.IsEmpty)
        {
            ChunkResult result = _chunks.Read(from.Input.Bytes);
            Refusal = result.Refusal;
            if (Refusal is not null) return BodyProgress.Malformed;
            _chunk = result.Data.End.Value - result.Data.Start.Value;
            if (result.Consumed > _chunk) from.Input.Consume(result.Consumed - _chunk);
            if (result.IsEnd) return End();
            if (_chunk == 0) return result.Consumed > 0 && !from.Input.Bytes.IsEmpty ? BodyProgress.Moved : Receive(from);
        }

        ReadOnlySpan<byte> content = from.Input.Bytes;
        if (content.IsEmpty) return Receive(from);
        content = content[..(int)Math.Min(_kind == BodyKind.Chunked ? _chunk : _left, content.Length)];
        int sent = to.Send(content);
        if (sent == 0) return BodyProgress.Waits; // whoever takes more says so
        Passed += sent;
        Copy?.Append(content[..sent]);
        from.Input.Consume(sent);
        if (_kind == BodyKind.Chunked) _chunk -= sent;
        else _left -= sent;
        return _left == 0 ? BodyProgress.Whole : BodyProgress.Moved;
    }

    private BodyProgress Receive(HttpSide from) => from.ReceiveBody(_kind) is var progress && progress == BodyProgress.Whole ? End() : progress;

    private BodyProgress End()
    {
        _left = 0;
        return BodyProgress.Whole;
    }
}
