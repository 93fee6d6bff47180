using Culvert.Core;
using Culvert.Http2;

namespace Culvert.NodeAgent.Proxy.Model;

/// <summary>Asks external authorizers and rate limit services about requests. Belongs to its loop's thread.</summary>
internal interface IRequestAuthorizers
{
    /// <summary>Whether there is room for one more request to wait until it is on time.</summary>
    /// <param name="connection">The connection that it goes by.</param>
    bool HasRoomToDelay(in ProxyConnectionInfo connection);

    /// <summary>Asks about a request.</summary>
    /// <param name="connection">The connection that it goes by.</param>
    /// <param name="asked">By which rules somebody is asked; all have to allow the request. May be nobody.</param>
    /// <param name="limits">By which rules rate limit services are asked about one that those allow.</param>
    /// <param name="delay">How long the request has to wait before they are; zero or less: not at all.</param>
    /// <param name="request">Its head, as its server would get it.</param>
    /// <param name="done">Called when all is said, unless that is so when this returns.</param>
    IRequestApproval Begin(in ProxyConnectionInfo connection, IReadOnlyList<AuthorizerRule> asked, IReadOnlyList<GlobalLimitRule> limits, TimeSpan delay, HeaderList request, Action<IRequestApproval> done);
}
