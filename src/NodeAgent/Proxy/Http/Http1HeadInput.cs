using Culvert.Http1;
using Culvert.NodeAgent.Proxy.Transport;

namespace Culvert.NodeAgent.Proxy.Http;

/// <summary>Reads heads of HTTP/1.1 from one side. Belongs to its loop's thread.</summary>
/// <param name="side">The side.</param>
/// <param name="limits">What heads may have.</param>
internal sealed class Http1HeadInput(HttpSide side, Http1Limits limits)
{
    private const int MostEmptyLines = 4;

    private readonly Http1HeadReader _reader = new(limits);
    private bool _isBegun; // the reader knows places in the input

    /// <summary>Why a head was refused.</summary>
    internal MessageRefusal? Refusal { get; private set; }

    /// <summary>Reads the head of a request. Empty lines, which a client may send after the one before (RFC 9112, section 2.2), are dropped before they are taken for its beginning.</summary>
    /// <param name="head">Where to.</param>
    internal HeadRead ReadRequest(Http1Head head)
    {
        while (true)
        {
            for (int i = 0; i < MostEmptyLines && !_isBegun && side.Input.Bytes.StartsWith("\r\n"u8); i++) side.Input.Consume(2);
            if (!side.Input.Bytes.IsEmpty && Take(_reader.ReadRequest(side.Input.Bytes, head)) is { } outcome) return outcome;
            if (ReceiveMore() is var more and not HeadRead.Read) return more;
        }
    }

    /// <summary>Reads the head of a response.</summary>
    /// <param name="isHead">Whether it answers HEAD.</param>
    /// <param name="head">Where to.</param>
    internal HeadRead ReadResponse(bool isHead, Http1Head head)
    {
        while (true)
        {
            if (!side.Input.Bytes.IsEmpty && Take(_reader.ReadResponse(side.Input.Bytes, isHead, head)) is { } outcome) return outcome;
            if (ReceiveMore() is var more and not HeadRead.Read) return more;
        }
    }

    /// <summary>Receives what has come; <see cref="HeadRead.Read"/> when there was something. When there was nothing, the side's user is called once there is.</summary>
    internal HeadRead ReceiveMore()
    {
        TransportResult received = side.Input.Receive();
        if (side.Input.IsOverloaded) return HeadRead.Overload;
        if (received.IsOver) return received.Status == TransportStatus.Ended ? HeadRead.Ended : HeadRead.Broken;
        if (received.Count > 0) return HeadRead.Read;
        side.AwaitReadable();
        return HeadRead.Nothing;
    }

    private HeadRead? Take(in HeadResult result)
    {
        _isBegun = result.NeedsMore;
        if (result.NeedsMore) return null;
        Refusal = result.Refusal;
        side.Input.Consume(result.Consumed);
        return result.Refusal is null ? HeadRead.Read : HeadRead.Refused;
    }
}
