using Culvert.NodeAgent.Proxy.Model;

namespace Culvert.NodeAgent.Proxy.Http;

/// <summary>Whose requests go by a server's connection of HTTP/2. Called on its loop; must not throw.</summary>
internal interface IHttp2ServerUser
{
    /// <summary>Whether the heads of requests without a body are kept until they are answered: these may have to be sent again.</summary>
    bool KeepsHeads { get; }

    /// <summary>The requests that go to a server, or wait for it.</summary>
    IEnumerable<IHttp2Request> RequestsOf(Http2Server server);

    /// <summary>A server has said how many streams it takes at once, or says it anew.</summary>
    void OnServerLimit(Http2Server server);

    /// <summary>A server has as many streams as it takes, and requests wait for another for a while already. Called again while that is so.</summary>
    void OnServerFull(Http2Server server);

    /// <summary>A server was not reached that requests wait for.</summary>
    /// <param name="server">The server.</param>
    /// <param name="failure">Why not.</param>
    void OnNotConnected(Http2Server server, ProxyFailure failure);

    /// <summary>A server takes no more streams, or has failed.</summary>
    void OnServerLeaving(Http2Server server);

    /// <summary>A server's connection is over: its streams have been told.</summary>
    void OnServerClosed(Http2Server server);
}
