namespace Culvert.NodeAgent.Proxy.Http.OwnCalls;

/// <summary>Why a request of the proxy's own has no whole answer.</summary>
internal enum CallFailure
{
    /// <summary>Policy refuses it.</summary>
    Refused,

    /// <summary>It is no request that the server could be sent: too long, or without what its version of HTTP asks for.</summary>
    Malformed,

    /// <summary>No server was reached.</summary>
    Unreachable,

    /// <summary>Too much is under way already.</summary>
    NoRoom,

    /// <summary>It has taken too long.</summary>
    TooSlow,

    /// <summary>What the server says is no response, or one that is too long.</summary>
    BadAnswer,

    /// <summary>The server has broken it off, or what it says is no answer.</summary>
    Broken,
}
