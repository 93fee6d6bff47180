using Culvert.Http2;

namespace Culvert.NodeAgent.Proxy.Http.Translation;

/// <summary>The client's side of a request that has come by HTTP/1.1 and is answered by HTTP/2: takes the body of the response. Used for one request after the other. Belongs to its loop's thread.</summary>
/// <param name="relay">Whose client it is.</param>
/// <param name="side">The client.</param>
internal sealed class Http1ClientLeg(Http1Relay relay, HttpSide side) : IExchangeLeg
{
    private readonly HeaderList _trailers = new();
    private bool _inChunks;

    /// <inheritdoc/>
    public bool IsOpen { get; private set; }

    /// <summary>A response's head has been written.</summary>
    /// <param name="inChunks">Whether its body goes in chunks.</param>
    internal void Begin(bool inChunks) => (_inChunks, IsOpen) = (inChunks, true);

    /// <inheritdoc/>
    public int Send(ReadOnlySpan<byte> data)
    {
        if (!IsOpen) return 0;
        int taken = BodyFraming.Write(side, data, _inChunks, out bool isBroken);
        if (isBroken) relay.Abort(side.Output.Failure);
        else relay.AdvanceSoon();
        return taken;
    }

    /// <inheritdoc/>
    public void End(HeaderList? trailers)
    {
        if (!IsOpen) return;
        IsOpen = false;
        HeadTranslation.OfTrailers(trailers, _trailers);
        if (_inChunks && !BodyFraming.WriteEnd(side, _trailers)) relay.Abort(side.Output.Failure);
        else relay.OnResponseWhole();
    }

    /// <inheritdoc/>
    public void PassOn() => relay.Advance();

    /// <inheritdoc/>
    public void Reset(Http2ErrorCode code) => IsOpen = false;

    /// <inheritdoc/>
    public void Abandon() => IsOpen = false;

    /// <inheritdoc/>
    public void Clear() => IsOpen = false;
}
