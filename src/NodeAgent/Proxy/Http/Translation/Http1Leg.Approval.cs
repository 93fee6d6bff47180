using Culvert.Http2;
using Culvert.NodeAgent.Proxy.Http.Routing;
using Culvert.NodeAgent.Proxy.Model;

namespace Culvert.NodeAgent.Proxy.Http.Translation;

/// <content>Requests about which external authorizers are asked: the server has nothing of them meanwhile, and nothing that it says is read.</content>
internal sealed partial class Http1Leg
{
    private readonly HeaderList _heldTrailers = new();
    private IRequestApproval? _approval; // of the request that waits for it
    private Action<IRequestApproval>? _onApproved;
    private bool _isHeadOnly;
    private bool _isEndHeld; // the request's end has come already
    private bool _hasHeldTrailers;

    private void OnApproved(IRequestApproval approval)
    {
        if (_approval != approval || _taken is not { } taken) return;
        try
        {
            if (SendApproved(taken) is { } refusal) _exchange.Answer(refusal);
            else if (_taken == taken) PassOnHeld();
        }
        catch (Exception exception)
        {
            _loop.ReportFault(exception);
            _exchange.Abort(Http2ErrorCode.InternalError);
        }
    }

    private RequestRefusal? SendApproved(RoutedServer taken)
    {
        IRequestApproval approval = _approval!;
        _approval = null;
        if (taken.Server.Gate.TakeRefusal(approval) is { } refusal) return NotSent(refusal);

        // What has come of the server meanwhile is no answer, and its end would not be one.
        if (taken.Server.Side.Input.Bytes.IsEmpty && taken.Server.Responses.ReceiveMore() == HeadRead.Nothing) return SendHead(taken, approval.Head);
        return _exchange.TryResendAfterEnd(isUnsent: true) ? null : RequestRefusal.NoAnswer;
    }

    private void HoldEnd(HeaderList? trailers)
    {
        _heldTrailers.Clear();
        if (trailers is not null) _heldTrailers.AddRange(trailers);
        (_isEndHeld, _hasHeldTrailers) = (true, trailers is not null);
    }

    private void PassOnHeld()
    {
        if (_isEndHeld) End(_hasHeldTrailers ? _heldTrailers : null);
        else _exchange.Other(this).PassOn();
    }
}
