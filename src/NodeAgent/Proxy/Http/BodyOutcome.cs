namespace Culvert.NodeAgent.Proxy.Http;

/// <summary>How the passing of a body has ended.</summary>
internal enum BodyOutcome
{
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
