using Culvert.Http2;
using Culvert.NodeAgent.Proxy.Loop;

namespace Culvert.NodeAgent.Proxy.Http;

/// <content>What connections to the same server have to do with each other: requests that wait for a stream of one go by another that has room.</content>
internal sealed partial class Http2Server
{
    // How long requests wait for a stream of it before another connection is made for them. It spares bursts of short requests the connection, and gives servers that say little at first, such as
    // the other node's proxy which doesn't know the application's limit yet, time to say more.
    private static readonly TimeSpan Patience = TimeSpan.FromMilliseconds(20);

    private LoopTimer? _patience;

    /// <summary>Called when it is not connected yet, and the last request that waited for it does not any more.</summary>
    internal Action<Http2Server>? Unwanted { get; init; }

    /// <summary>What waits for it, as it has not come about, waits for another to the same server.</summary>
    /// <returns>False when there is none: it is for the caller to say what becomes of what waits.</returns>
    internal bool TryReplace()
    {
        if (siblings?.Where(s => s != this && s.IsConnected && !s.IsLeaving).MinBy(static s => s.Waiting) is not { } other) return false;
        GiveUpWaiting(request =>
        {
            Leave(request);
            other.Offer(request, request.Head!);
        });
        return true;
    }

    // For those that wait here, or at another connection.
    private void FindRoom()
    {
        if (HasRoom && siblings is { Count: > 1 })
        {
            TakeFromSiblings();
            GiveUpSpare(siblings);
        }
        else if (IsFull && _patience is not { IsScheduled: true }) Link.Loop.Schedule(_patience ??= new LoopTimer(static state => ((Http2Server)state!).EndPatience(), this), Patience);
    }

    private void EndPatience()
    {
        if (!_isServing && IsFull) user.OnServerFull(this);
    }

    private void TakeFromSiblings()
    {
        // By index: a request that ends may take a connection with it.
        for (int i = 0; i < siblings!.Count; i++)
        {
            if (siblings[i] is var other && other != this && other.IsFull) other.GiveTo(this);
        }
    }

    // One that waits for its place among connections is needed no longer where this one has room and nobody is short.
    private static void GiveUpSpare(List<Http2Server> all)
    {
        if (all.Exists(static s => s._isShort)) return;
        for (int i = all.Count - 1; i >= 0; i--)
        {
            if (all[i] is { IsConnected: false, Waiting: 0 } spare) spare.Unwanted?.Invoke(spare);
        }
    }

    // Policy does not count them again, but the other connection may have heard of a change of it before this one. Those that are held stay until they are not.
    private void GiveTo(Http2Server other)
    {
        if (_isServing) return;
        _isServing = true;
        _isShort = false;
        try
        {
            for (LinkedListNode<IHttp2Request>? node = _waiting.First, next; node is not null && node.List == _waiting && !_isShort; node = next)
            {
                next = node.Next;
                if (IsHeld(node.Value)) continue;
                _isShort = !other.HasRoom;
                if (!_isShort) Give(node, other);
            }
        }
        finally
        {
            _isServing = false;
        }
    }

    private void Give(LinkedListNode<IHttp2Request> node, Http2Server other)
    {
        IHttp2Request request = node.Value;
        _waiting.Remove(node);
        request.Approval?.Connection = other._gate!.Connection;
        if (!other.MayGoOn(request)) request.Abort(Http2ErrorCode.Cancel);
        else if (!other.TryTake(request, request.Head!)) request.Abort(Http2ErrorCode.RefusedStream);
    }
}
