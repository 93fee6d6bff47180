namespace Culvert.Http2;

/// <summary>State of a stream (RFC 9113, section 5.1). The reserved states do not occur: server push is refused.</summary>
public enum Http2StreamState
{
    /// <summary>Not yet opened.</summary>
    Idle,

    /// <summary>Both sides may send.</summary>
    Open,

    /// <summary>This side has sent END_STREAM.</summary>
    HalfClosedLocal,

    /// <summary>The peer has sent END_STREAM.</summary>
    HalfClosedRemote,

    /// <summary>Ended on both sides, or reset.</summary>
    Closed,
}
