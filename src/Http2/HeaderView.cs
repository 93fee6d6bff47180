namespace Culvert.Http2;

/// <summary>One header field of a <see cref="HeaderList"/>; valid until the list changes.</summary>
public readonly ref struct HeaderView
{
    internal HeaderView(ReadOnlySpan<byte> name, ReadOnlySpan<byte> value, bool neverIndexed)
    {
        Name = name;
        Value = value;
        NeverIndexed = neverIndexed;
    }

    /// <summary>The name in lower case; pseudo headers keep their colon.</summary>
    public ReadOnlySpan<byte> Name { get; }

    /// <summary>The value's bytes.</summary>
    public ReadOnlySpan<byte> Value { get; }

    /// <summary>True when the value must not enter any compression table (RFC 7541, section 7.1.3).</summary>
    public bool NeverIndexed { get; }
}
