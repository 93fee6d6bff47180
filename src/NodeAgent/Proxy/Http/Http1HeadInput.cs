using System.Runtime.CompilerServices;
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

    /// <summary>How the reading of a head has ended.</summary>
    internal enum Outcome
    {
        /// <summary>It is there.</summary>
        Read,

        /// <summary>It is refused; <see cref="Refusal"/> says why.</summary>
        Refused,

        /// <summary>The side has ended in good order, perhaps within a head.</summary>
        Ended,

        /// <summary>The side is broken, or was closed.</summary>
        Broken,

        /// <summary>There is no buffer for it.</summary>
        Overload,
    }

    /// <summary>Why a head was refused.</summary>
    internal MessageRefusal? Refusal { get; private set; }

    /// <summary>Waits until something has come.</summary>
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    internal async ValueTask<Outcome> AnythingAsync()
    {
        while (side.Input.Bytes.IsEmpty)
        {
            if (await MoreAsync() is var outcome and not Outcome.Read) return outcome;
        }

        return Outcome.Read;
    }

    /// <summary>Drops empty lines, which a client may send after a request (RFC 9112, section 2.2), before they are taken for the beginning of the next.</summary>
    internal void SkipEmptyLines()
    {
        for (int i = 0; i < MostEmptyLines && side.Input.Bytes.StartsWith("\r\n"u8); i++) side.Input.Consume(2);
    }

    /// <summary>Reads the head of a request.</summary>
    /// <param name="head">Where to.</param>
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    internal async ValueTask<Outcome> ReadRequestAsync(Http1Head head)
    {
        while (true)
        {
            if (Take(_reader.ReadRequest(side.Input.Bytes, head)) is { } outcome) return outcome;
            if (await MoreAsync() is var more and not Outcome.Read) return more;
        }
    }

    /// <summary>Reads the head of a response.</summary>
    /// <param name="isHead">Whether it answers HEAD.</param>
    /// <param name="head">Where to.</param>
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    internal async ValueTask<Outcome> ReadResponseAsync(bool isHead, Http1Head head)
    {
        while (true)
        {
            if (Take(_reader.ReadResponse(side.Input.Bytes, isHead, head)) is { } outcome) return outcome;
            if (await MoreAsync() is var more and not Outcome.Read) return more;
        }
    }

    /// <summary>Waits until more has come.</summary>
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    internal async ValueTask<Outcome> MoreAsync()
    {
        while (true)
        {
            TransportResult received = side.Input.Receive();
            if (side.Input.IsOverloaded) return Outcome.Overload;
            if (received.IsOver) return received.Status == TransportStatus.Ended ? Outcome.Ended : Outcome.Broken;
            if (received.Count > 0) return Outcome.Read;
            if (!await side.Transport.ReadableAsync()) return Outcome.Broken;
        }
    }

    private Outcome? Take(in HeadResult result)
    {
        if (result.NeedsMore) return null;
        Refusal = result.Refusal;
        side.Input.Consume(result.Consumed);
        return result.Refusal is null ? Outcome.Read : Outcome.Refused;
    }
}
