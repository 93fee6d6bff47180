using Culvert.Core;
using Culvert.Http2;
using Culvert.Interop.Sockets;

namespace Culvert.NodeAgent.Proxy.Model;

/// <summary>What is noted of one request while it runs, for the access log and for traces. Called on its loop; must not throw. Not to be used after it was given back with <see cref="IRequestObserver.OnRequestEnded"/>.</summary>
internal interface IRequestRecord
{
    /// <summary>In words, why the proxy has answered in the server's place; null: it has not.</summary>
    string? Details { set; }

    /// <summary>It is sent to a server, for the first time or again; not told of where all of a connection's requests go to one.</summary>
    /// <param name="target">The server.</param>
    /// <param name="route">The rule that has the request; null: none.</param>
    void OnTry(in SocketEndPoint target, HttpRouteHit? route);

    /// <summary>A server's answer is not passed on: the request is sent again in its place.</summary>
    /// <param name="status">The answer's status.</param>
    void OnNotTaken(int status);

    /// <summary>It is sent to a further server, while the try that runs goes on.</summary>
    /// <param name="target">The server.</param>
    /// <returns>The hedge's number, by which it is told of.</returns>
    int OnHedge(in SocketEndPoint target);

    /// <summary>A hedge is over; its answer, if there was one, is not passed on.</summary>
    /// <param name="hedge">Its number.</param>
    /// <param name="status">The answer's status; 0: it has failed without one.</param>
    void OnHedgeFailed(int hedge, int status);

    /// <summary>A hedge was ended, because nobody waits for its answer any more.</summary>
    /// <param name="hedge">Its number.</param>
    void OnHedgeLost(int hedge);

    /// <summary>The try that runs is over, and hedges go on.</summary>
    /// <param name="status">The status of its answer, which is not passed on; 0: it has failed without one.</param>
    void OnTryFailed(int status);

    /// <summary>A hedge has been answered, and takes the place of the try that runs; that is over.</summary>
    /// <param name="hedge">Its number.</param>
    void OnHedgeWon(int hedge);

    /// <summary>The request's head as the server of a hedge gets it; otherwise as <see cref="ForServer(HeaderList)"/>.</summary>
    /// <param name="head">The head.</param>
    /// <param name="hedge">The hedge's number.</param>
    HeaderList ForServer(HeaderList head, int hedge);

    /// <summary>The request's head as a server gets it: it says that the request was sent by the try that runs, where proxies take part in traces. Asked for last, when nothing else is changed of it.</summary>
    /// <param name="head">The head.</param>
    /// <returns>The same list where nothing is to be said; else one that is valid until the next is asked for.</returns>
    HeaderList ForServer(HeaderList head);

    /// <summary>How many bytes of bodies have passed, without their framing.</summary>
    /// <param name="received">Of the request's.</param>
    /// <param name="sent">Of the response's.</param>
    void OnBodies(long received, long sent);
}
