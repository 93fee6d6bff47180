using Culvert.Http2;
using Culvert.NodeAgent.Proxy.Model;

namespace Culvert.NodeAgent.Proxy.Http;

/// <content>What is noted of requests.</content>
internal sealed partial class Http1Relay
{
    private IRequestRecord? _record;

    /// <summary>The request's head as its server gets it, with what is said of traces.</summary>
    internal HeaderList Traced(HeaderList head) => _record?.ForServer(head) ?? head;

    private void BeginRecord(HeaderList request)
    {
        _record = _observer.Begin(request, _exchange.Request.IsVersion10 ? HttpProtocol.Http10 : HttpProtocol.Http11, Loop.Index);
        (_requestBodies.Passed, _responseBodies.Passed) = (0, 0);
        _call?.Forget();
        _cached?.Forget();
    }

    private IRequestRecord? TakeRecord()
    {
        IRequestRecord? record = _record;
        _record = null;
        (long request, long response) = _call?.Bodies ?? default;
        record?.OnBodies(_requestBodies.Passed + request, _responseBodies.Passed + response);
        return record;
    }
}
