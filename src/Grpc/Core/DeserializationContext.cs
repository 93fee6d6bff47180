using System.Buffers;

namespace Grpc.Core;

/// <summary>One incoming message. Valid only during the call of the deserializer; not thread-safe.</summary>
public abstract class DeserializationContext
{
    /// <summary>Length of the payload in bytes, after decompression.</summary>
    public abstract int PayloadLength { get; }

    /// <summary>A copy of the payload, owned by the caller.</summary>
    public abstract byte[] PayloadAsNewBuffer();

    /// <summary>The payload without a copy; must not be kept after the deserializer returns.</summary>
    public abstract ReadOnlySequence<byte> PayloadAsReadOnlySequence();
}
