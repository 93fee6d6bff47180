using Culvert.Core;
using Culvert.Http2;
using Culvert.Interop.Sockets;

namespace Culvert.NodeAgent.Proxy.Model;

/// <summary>What is noted of one request while it runs, for the access log. Called on its loop; must not throw. Not to be used after it was given back with <see cref="IRequestObserver.OnRequestEnded"/>.</summary>
internal interface IRequestRecord
{
    /// <summary>In words, why the proxy has answered in the server's place; null: it has not.</summary>
    string? Details { set; }

    /// <summary>It is sent to a server, for the first time or again; not told of where all of a connection's requests go to one.</summary>
    /// <param name="target">The server.</param>
    /// <param name="route">The rule that has the request; null: none.</param>
    void OnTry(in SocketEndPoint target, HttpRouteHit? route);

    /// <summary>How many bytes of bodies have passed, without their framing.</summary>
    /// <param name="received">Of the request's.</param>
    /// <param name="sent">Of the response's.</param>
    void OnBodies(long received, long sent);
}
