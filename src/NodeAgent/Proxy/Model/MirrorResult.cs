namespace Culvert.NodeAgent.Proxy.Model;

/// <summary>What has become of the copy of a request that is for a mirror.</summary>
internal enum MirrorResult
{
    /// <summary>The mirror has answered.</summary>
    Answered,

    /// <summary>It has answered with an error of a server (5xx), or its node's proxy has in its place.</summary>
    ServerError,

    /// <summary>The request's body is longer than what is copied.</summary>
    TooLarge,

    /// <summary>Too many copies are on their way, or too much is copied: mirrors can't keep up.</summary>
    NoRoom,

    /// <summary>The request has ended before all of it had come.</summary>
    Incomplete,

    /// <summary>No server of the mirror was reached, or there is none.</summary>
    Unreachable,

    /// <summary>Policy does not allow it, or it is none that the mirror could read.</summary>
    Refused,

    /// <summary>The mirror has reset it, or has ended its connection.</summary>
    Broken,

    /// <summary>The mirror has taken too long.</summary>
    TooSlow,
}
