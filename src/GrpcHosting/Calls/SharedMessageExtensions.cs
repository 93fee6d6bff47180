using System.Buffers;

namespace Culvert.GrpcHosting;

/// <summary>Serializes messages that many receivers share.</summary>
public static class SharedMessageExtensions
{
    /// <summary>
    /// Gives the whole payload in pieces. A server that maps its service by <c>MapLimitedGrpcService</c> and does not compress sends
    /// the pieces in parts of 32 KiB and makes no copy of the message for each receiver;
    /// others copy the pieces.
    /// </summary>
    /// <param name="context">Where the marshaller puts the message; called once.</param>
    /// <param name="pieces">The encoded message, piece after piece. The bytes must not change until the message is sent.</param>
    /// <exception cref="OverflowException">The message is longer than 2 GiB.</exception>
    public static void Complete(this SerializationContext context, IReadOnlyList<ReadOnlyMemory<byte>> pieces)
    {
        ArgumentNullException.ThrowIfNull(context);
        ArgumentNullException.ThrowIfNull(pieces);
        int length = 0;
        foreach (ReadOnlyMemory<byte> piece in pieces) length = checked(length + piece.Length);

        // With the length known, the package writes the prefix and returns the response's own writer.
        context.SetPayloadLength(length);
        IBufferWriter<byte> writer = context.GetBufferWriter();
        foreach (ReadOnlyMemory<byte> piece in pieces)
        {
            if (writer is LimitedResponse response) response.Append(piece);
            else writer.Write(piece.Span);
        }
        context.Complete();
    }
}
