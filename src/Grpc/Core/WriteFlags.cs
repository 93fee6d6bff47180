namespace Grpc.Core;

/// <summary>Hints for one written message.</summary>
[Flags]
public enum WriteFlags
{
    /// <summary>No hint.</summary>
    None = 0,

    /// <summary>Another message follows soon: need not be flushed now.</summary>
    BufferHint = 1,

    /// <summary>Do not compress this message.</summary>
    NoCompress = 2,
}
