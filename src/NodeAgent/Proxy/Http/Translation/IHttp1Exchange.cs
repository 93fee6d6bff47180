using Culvert.Http2;
using Culvert.NodeAgent.Proxy.Kept;

namespace Culvert.NodeAgent.Proxy.Http.Translation;

/// <summary>A request that goes to a server by HTTP/1.1, as its leg there sees it. Called on its loop; must not throw.</summary>
internal interface IHttp1Exchange : IExchange
{
    /// <summary>The head of the request that runs, as its server has got it; null: it is not kept.</summary>
    HeaderList? HeadForServer { get; }

    /// <inheritdoc cref="IHttp2Request.Traced"/>
    HeaderList Traced(HeaderList head);

    /// <summary>Whether it is tried again, whose server has ended before it had answered; if so, nothing more is to be done with it.</summary>
    /// <param name="isUnsent">Whether the server has had nothing of it.</param>
    bool TryResendAfterEnd(bool isUnsent);

    /// <inheritdoc cref="IHttp2Request.TryAnswerKept"/>
    bool TryAnswerKept(ResponseCache cache, bool isAuthorized, ref HeaderList forServer);

    /// <summary>Answers in the server's place.</summary>
    void Answer(RequestRefusal refusal);

    /// <summary>The server has broken its response off, or what follows of it is none; the exchange is aborted then.</summary>
    void OnBrokenOff();
}
