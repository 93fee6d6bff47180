namespace Culvert.NodeAgent.Proxy.Http;

/// <summary>How far the passing of a body has come, at the side that it comes from or as a whole.</summary>
internal enum BodyProgress
{
    /// <summary>There is more that can be passed.</summary>
    Moved,

    /// <summary>Nothing more has come, or the receiver takes nothing: whoever uses the sides is called when that changes.</summary>
    Waits,

    /// <summary>It has passed, whole; some of it may wait for the receiver.</summary>
    Whole,

    /// <summary>Its sender has ended in the middle of it, or is broken.</summary>
    Incomplete,

    /// <summary>Its chunks are not as they have to be.</summary>
    Malformed,

    /// <summary>Its receiver is broken, or has no buffer for what waits.</summary>
    NotTaken,

    /// <summary>There is no buffer to receive into.</summary>
    Overload,
}
