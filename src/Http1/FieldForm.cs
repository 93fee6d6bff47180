namespace Culvert.Http1;

/// <summary>Which fields may be put into a message whose framing is somebody else's.</summary>
public static class FieldForm
{
    /// <summary>Whether a field may be set in a message, or removed: its name is one, in lower case, and says nothing of what is asked for, of where the message ends or of the connection (RFC 9110, section 7.6.1).</summary>
    public static bool IsChangeable(ReadOnlySpan<byte> name) => Octets.IsToken(name) && !name.ContainsAnyInRange((byte)'A', (byte)'Z') && !(name.SequenceEqual("host"u8)
        || name.SequenceEqual("content-length"u8) || name.SequenceEqual("transfer-encoding"u8) || name.SequenceEqual("connection"u8) || name.SequenceEqual("keep-alive"u8)
        || name.SequenceEqual("proxy-connection"u8) || name.SequenceEqual("te"u8) || name.SequenceEqual("trailer"u8) || name.SequenceEqual("upgrade"u8));

    /// <summary>Whether a text may be the value of a field: it has no control characters, and no blanks around it.</summary>
    public static bool IsValue(ReadOnlySpan<byte> value) => !Octets.HasControls(value) && Octets.Trim(value).Length == value.Length;
}
