using Culvert.Http2;
using Culvert.NodeAgent.Proxy.Kept;
using Culvert.NodeAgent.Proxy.Model;
using Culvert.NodeAgent.Proxy.Transport;

namespace Culvert.NodeAgent.Proxy.Http;

/// <summary>A request that goes to a server by HTTP/2, as the server's connection sees it. Belongs to its loop's thread; must not throw.</summary>
internal interface IHttp2Request
{
    /// <summary>Its head, as it came, while it waits and wherever it may have to be looked at again; null: it is not kept.</summary>
    HeaderList? Head { get; }

    /// <summary>Whether its head is all of it.</summary>
    bool IsHeadOnly { get; }

    /// <summary>Whether it is not over.</summary>
    bool IsRunning { get; }

    /// <summary>When it may go to the server that it was asked about for, as <see cref="RequestGate.Due"/> had it then; 0: at once.</summary>
    long Due { get; set; }

    /// <summary>What external authorizers say of it, and whether it is on time, for the server that it goes to or went to last; null: nobody was asked yet. Forgotten with the request.</summary>
    IRequestApproval? Approval { get; set; }

    /// <summary>Its place among those that wait for a stream.</summary>
    LinkedListNode<IHttp2Request> WaitingEntry { get; }

    /// <summary>Takes what comes by its stream.</summary>
    IHttp2StreamUser ServerStream { get; }

    /// <summary>A head of it as its server gets it; valid until the next is asked for.</summary>
    HeaderList ForServer(HeaderList head);

    /// <summary>A head of it, as its server gets it otherwise, with what is said of traces; valid until the next is asked for.</summary>
    HeaderList Traced(HeaderList head);

    /// <summary>It goes to a server: waits for a stream of it, or gets one.</summary>
    void GoTo(Http2Server server);

    /// <summary>The server that it waits for is connected.</summary>
    void OnConnected();

    /// <summary>Keeps its head, unless that is kept already.</summary>
    /// <returns>False when too much is kept already, of this and other requests.</returns>
    bool TryKeepHead(HeaderList head);

    /// <summary>A stream has been opened with its head: what has waited goes on by it.</summary>
    /// <param name="stream">The stream.</param>
    /// <param name="head">The head, as it came.</param>
    /// <param name="keepsHead">Whether the head is needed again; else it is kept as far as there is room to spare.</param>
    void Open(Http2Stream stream, HeaderList head, bool keepsHead);

    /// <summary>Whether it is answered with a response that is kept; if so, nothing more is to be done with it.</summary>
    /// <param name="cache">What its port has kept.</param>
    /// <param name="isAuthorized">Whether it is for somebody in particular.</param>
    /// <param name="forServer">Its head as the application would get it; where that is to be asked whether what is kept is still the same, with that question.</param>
    bool TryAnswerKept(ResponseCache cache, bool isAuthorized, ref HeaderList forServer);

    /// <summary>Answers in the server's place.</summary>
    void Answer(RequestRefusal refusal);

    /// <summary>Ends it at once.</summary>
    /// <param name="code">Why.</param>
    void Abort(Http2ErrorCode code);
}
