using System.Text;

namespace Culvert.Core;

/// <summary>What a request says that a shared cache has to know of it (RFC 9111). To be made field by field.</summary>
public struct CacheRequest
{
    private static readonly HeaderNames Methods = new(["x-http-method", "x-http-method-override", "x-method-override"]);

    private CacheControl _control;
    private bool _saysNoCache;

    /// <summary>Its <c>cache-control</c>.</summary>
    public readonly CacheControl Control => _control;

    /// <summary>Whether it is for some client in particular, as far as its fields say: it has <c>authorization</c>, or whoever asks knows better.</summary>
    public bool IsAuthorized { get; set; }

    /// <summary>Whether its answer can neither come from what is kept, nor be kept, as it asks for a part, sets conditions that are the server's to look at, or asks by a field for another method than its own.</summary>
    public bool IsForServer { get; private set; }

    /// <summary>Whether it has <c>if-none-match</c>.</summary>
    public bool HasIfNoneMatch { get; private set; }

    /// <summary>Whether it has <c>if-modified-since</c>.</summary>
    public bool HasIfModifiedSince { get; private set; }

    /// <summary>Whether it is to be answered only if something has changed.</summary>
    public readonly bool IsConditional => HasIfNoneMatch || HasIfModifiedSince;

    /// <summary>Whether what is kept may not be its answer unless the server says so first.</summary>
    public readonly bool AsksServer => _control.NoCache || (_saysNoCache && !_control.IsThere);

    /// <summary>Reads a field.</summary>
    /// <param name="name">Its name, in lower case.</param>
    /// <param name="value">Its value.</param>
    public void Add(ReadOnlySpan<byte> name, ReadOnlySpan<byte> value)
    {
        if (name.SequenceEqual("cache-control"u8)) _control.Add(value);
        else if (name.SequenceEqual("pragma"u8)) _saysNoCache |= Ascii.EqualsIgnoreCase(value.Trim(" \t"u8), "no-cache"u8);
        else if (name.SequenceEqual("authorization"u8)) IsAuthorized = true;
        else if (name.SequenceEqual("if-none-match"u8)) HasIfNoneMatch = true;
        else if (name.SequenceEqual("if-modified-since"u8)) HasIfModifiedSince = true;
        else IsForServer |= name.SequenceEqual("range"u8) || name.SequenceEqual("if-match"u8) || name.SequenceEqual("if-unmodified-since"u8) || name.SequenceEqual("if-range"u8) || Methods.Has(name);
    }
}
