using Culvert.Http2;

namespace Culvert.NodeAgent.Proxy.Model;

/// <summary>What a request waits for before its server has anything of it: its time, where a RateLimit delays it, what external authorizers say of it, and rate limit services then. Belongs to its loop's thread.</summary>
internal interface IRequestApproval
{
    /// <summary>The connection that the request is to go by for which they were asked (<see cref="ProxyConnectionInfo.Id"/>): set when it goes to another to the same server.</summary>
    long Connection { get; set; }

    /// <summary>Whether all is said.</summary>
    bool IsDone { get; }

    /// <summary>Why the request may not pass; null: it may, or that is not known yet.</summary>
    AuthorizerRefusal? Refusal { get; }

    /// <summary>Why the request may not pass, where it is a rate limit service that does not let it; null: it is none, or that is not known yet.</summary>
    LimitRefusal? LimitRefusal { get; }

    /// <summary>The request's head as its server gets it when it may.</summary>
    HeaderList Head { get; }

    /// <summary>Nobody wants to know any more; without effect when all is said.</summary>
    void GiveUp();
}
