using Culvert.NodeAgent.Proxy.Model;


namespace Culvert.NodeAgent.Proxy.Http;

/// <content>Requests about which external authorizers are asked; their servers have nothing of them meanwhile.</content>
internal sealed partial class Http1Relay
{
    private IRequestApproval? _approval; // of the request that waits for it
    private Action<IRequestApproval>? _onApproved;

    private void OnApproved(IRequestApproval approval)
    {
        if (_approval == approval) Advance();
    }

    // False while it is not all said, and when the connection goes no further by this side.
    private bool TakeApproval(Http1Server server)
    {
        if (_approval is not { IsDone: true } approval) return false;
        _approval = null;
        if (server.Gate.TakeRefusal(approval) is { } refusal)
        {
            Refuse(refusal);
            return false;
        }

        // What has come of the server meanwhile is no answer, and its end would not be one.
        HeadRead read = server.Side.Input.Bytes.IsEmpty ? server.Responses.ReceiveMore() : HeadRead.Read;
        if (read == HeadRead.Nothing) return Send(server, approval.Head);
        if (read == HeadRead.Overload) Abort(ProxyFailure.Overload);
        else if (_routing is not null && TryResend(isRefused: true)) return true;
        else if (_routing is null && _exchange.Count > 1) BeginEnd(); // for the client to repeat, as where a server ends such a connection later
        else AnswerForServer(RequestRefusal.NoAnswer);
        return false;
    }

    private void GiveUpApproval()
    {
        _approval?.GiveUp();
        _approval = null;
    }
}
