namespace Grpc.Core;

/// <summary>Options of written messages. Immutable.</summary>
/// <param name="flags">Hints for the messages.</param>
public sealed class WriteOptions(WriteFlags flags = WriteFlags.None)
{
    /// <summary>No hints.</summary>
    public static readonly WriteOptions Default = new();

    /// <summary>Hints for the messages.</summary>
    public WriteFlags Flags { get; } = flags;
}
