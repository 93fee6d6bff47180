namespace Culvert.NodeAgent.Proxy.Http.Authorizers;

/// <summary>Counts what one answer says of fields.</summary>
/// <param name="limits">How much it may.</param>
internal sealed class FieldRoom(AuthorizerLimits limits)
{
    private int _fields;
    private int _bytes;

    /// <summary>Why there was no room, in words; null before.</summary>
    internal string? Refusal { get; private set; }

    /// <summary>Takes room for a field.</summary>
    internal bool TryTake(ReadOnlySpan<byte> name, ReadOnlySpan<byte> value)
    {
        _fields++;
        _bytes += name.Length + value.Length;
        if (_fields > limits.MaxChanges) Refusal = $"it names more than {limits.MaxChanges} headers";
        else if (_bytes > limits.MaxChangedBytes) Refusal = $"its headers have more than {limits.MaxChangedBytes} bytes";
        return Refusal is null;
    }
}
