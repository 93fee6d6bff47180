namespace Culvert.NodeAgent.Proxy.Http;

/// <summary>How far the reading of a message's head has come.</summary>
internal enum HeadRead
{
    /// <summary>More has to come.</summary>
    Nothing,

    /// <summary>It is there.</summary>
    Read,

    /// <summary>It is refused.</summary>
    Refused,

    /// <summary>The side has ended in good order, perhaps within a head.</summary>
    Ended,

    /// <summary>The side is broken, or was closed.</summary>
    Broken,

    /// <summary>There is no buffer for it.</summary>
    Overload,
}
