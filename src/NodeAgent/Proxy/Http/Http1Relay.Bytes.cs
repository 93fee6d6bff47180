using Culvert.Http1;
using Culvert.NodeAgent.Proxy.Model;

namespace Culvert.NodeAgent.Proxy.Http;

/// <content>What is no longer HTTP: bytes both ways, as they are.</content>
internal sealed partial class Http1Relay
{
    private void BeginBytes(Http1Server server)
    {
        _isBytes = _hasNews = true;
        (_requestPart, _responsePart) = (RequestPart.Bytes, ResponsePart.Bytes);
        _requestBodies.Begin(_client, server.Side, BodyKind.UntilClose, length: 0, inChunks: false);
        _responseBodies.Begin(server.Side, _client, BodyKind.UntilClose, length: 0, inChunks: false);
    }

    // One direction: an end stays an end. False while there is nothing to pass, and after the end.
    private bool PassBytes(BodyPump pump, HttpSide from, HttpSide to)
    {
        BodyProgress progress = pump.Pass();
        if (IsEnded || progress == BodyProgress.Waits) return false;
        if (progress != BodyProgress.Whole || !to.Flush())
        {
            Abort(progress switch { BodyProgress.Incomplete => from.Transport.Failure, BodyProgress.Overload => ProxyFailure.Overload, _ => to.Output.Failure });
            return false;
        }

        if (to.Output.IsBlocked) return false;
        to.Transport.Finish();
        if (ReferenceEquals(from, _client)) _requestPart = RequestPart.End;
        else _responsePart = ResponsePart.End;
        if (_requestPart != RequestPart.End || _responsePart != ResponsePart.End) return false;
        IsEnded = true;
        _client.Transport.Close();
        _server!.Side.Transport.Close();
        DropServer(ProxyFailure.None);
        return false;
    }
}
