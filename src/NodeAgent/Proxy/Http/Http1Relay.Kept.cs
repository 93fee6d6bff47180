using Culvert.Http2;
using Culvert.NodeAgent.Proxy.Http.Caching;
using Culvert.NodeAgent.Proxy.Kept;

namespace Culvert.NodeAgent.Proxy.Http;

/// <content>Requests that are answered with responses that are kept.</content>
internal sealed partial class Http1Relay
{
    private const int KeptPiece = 32 * 1024;

    private CachedRequest? _cached; // once a port has had responses kept
    private ReadOnlyMemory<byte> _keptBody; // what is left of it

    /// <summary>Whether a request that has passed is answered with what is kept.</summary>
    /// <param name="cache">What its port has kept.</param>
    /// <param name="isAuthorized">Whether it is for somebody in particular.</param>
    /// <param name="fields">Its head as the application would get it; where that is to be asked whether what is kept is still the same, with that question.</param>
    internal bool TryAnswerKept(ResponseCache cache, bool isAuthorized, ref HeaderList fields)
    {
        _cached ??= new CachedRequest();
        CacheStep step = _cached.Begin(cache, fields, IsHeadOnly && UpgradeOf(_exchange.Request).IsEmpty, isAuthorized);
        if (step == CacheStep.Validate) fields = _cached.Conditional();
        if (step != CacheStep.Answer) return false;
        _try.NotAsked();
        _exchange.IsRequestWhole = true;
        AnswerKept();
        return true;
    }

    // The request is whole, and nothing of another response goes on.
    private bool AnswerKept()
    {
        _try.EndPend();
        HeaderList fields = _cached!.Answer(out _keptBody);
        _requestPart = RequestPart.Answer;
        if (!WriteFinal(_routing?.ForClient(fields, _direction) ?? fields, inChunks: false)) return false;
        (_responsePart, _hasNews) = (ResponsePart.Kept, true);
        return true;
    }

    private bool PassKept()
    {
        while (!_keptBody.IsEmpty)
        {
            if (_client.Output.IsBlocked) return false; // whoever flushes waits for it
            ReadOnlySpan<byte> piece = _keptBody.Span[..Math.Min(KeptPiece, _keptBody.Length)];
            if (!_client.Output.Write(piece))
            {
                Abort(_client.Output.Failure);
                return false;
            }

            _responseBodies.Passed += piece.Length;
            _keptBody = _keptBody[piece.Length..];
        }

        _responsePart = ResponsePart.Sending;
        return true;
    }
}
