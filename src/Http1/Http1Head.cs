using Culvert.Http2;

namespace Culvert.Http1;

/// <summary>
/// A message before its body, as HTTP/2 has it: pseudo headers, names in lower case, and none of the fields that are about the connection. Reusable: <see cref="Http1HeadReader"/> fills it anew. Not thread-safe.
/// </summary>
public sealed class Http1Head
{
    /// <summary>
    /// The fields in their order. Of a request <c>:method</c>, <c>:scheme</c> when its target names one, <c>:authority</c> (in place of <c>host</c>) and <c>:path</c> come first, of a response <c>:status</c>. Those of the
    /// connection (<c>connection</c> and what it names, <c>keep-alive</c>, <c>proxy-connection</c>, <c>transfer-encoding</c>, <c>te</c> but for trailers, <c>upgrade</c>) are not among them.
    /// </summary>
    public HeaderList Fields { get; } = new();

    /// <summary>How its body ends.</summary>
    public BodyKind Body { get; internal set; }

    /// <summary>Bytes of a body of <see cref="BodyKind.Length"/>; 0 otherwise.</summary>
    public long Length { get; internal set; }

    /// <summary>Whether there is no body, or an empty one.</summary>
    public bool HasNoBody => Body == BodyKind.None || (Body == BodyKind.Length && Length == 0);

    /// <summary>Whether its sender speaks HTTP/1.0: no chunks, no interim responses.</summary>
    public bool IsVersion10 { get; internal set; }

    /// <summary>Whether the connection may be used again after it (RFC 9112, section 9.3).</summary>
    public bool IsKeptAlive { get; internal set; }

    /// <summary>Whether the request's sender waits for <c>100 Continue</c> before it sends the body (RFC 9110, section 10.1.1).</summary>
    public bool ExpectsContinue { get; internal set; }

    /// <summary>The protocol that the message asks to change to, or changes to (RFC 9110, section 7.8), as it was written; empty when there is none, or <c>connection</c> does not name it.</summary>
    public ReadOnlySpan<byte> Upgrade => _upgrade.AsSpan(0, _upgradeLength);

    private byte[] _upgrade = [];
    private int _upgradeLength;

    internal void Clear()
    {
        Fields.Clear();
        (Body, Length, IsVersion10, IsKeptAlive, ExpectsContinue, _upgradeLength) = (BodyKind.None, 0, false, false, false, 0);
    }

    internal void SetUpgrade(ReadOnlySpan<byte> protocol)
    {
        if (_upgrade.Length < protocol.Length) _upgrade = new byte[protocol.Length];
        protocol.CopyTo(_upgrade);
        _upgradeLength = protocol.Length;
    }
}
