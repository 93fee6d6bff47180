using Culvert.Interop.Sockets;
using Culvert.NodeAgent.Proxy.Limits;
using Culvert.NodeAgent.Proxy.Model;
using Culvert.NodeAgent.Proxy.ProxyProtocol;
using Culvert.NodeAgent.Proxy.Transport;

namespace Culvert.NodeAgent.Proxy.Udp;

/// <summary>
/// Opens sessions' paths to applications, in the client's name where that is possible, and tells them of the client where they have asked for it (PROXY protocol). What
/// an application answers, from any of its ports, comes back to the session. Belongs to its loop's thread.
/// </summary>
internal sealed class UdpApplicationDialer
{
    private const int LongestDatagram = 1 << 16;

    private readonly UdpDialer _dialer;
    private readonly UdpReplyRegistry _answers;
    private readonly IReplyTable _replies;
    private readonly LateAnswers _late;
    private readonly IProxyObserver _observer;
    private readonly Action<UdpSocketPeer, BudgetLease?> _closing;
    private byte[]? _room;

    /// <summary>Makes a dialer.</summary>
    /// <param name="dialer">Makes the sockets.</param>
    /// <param name="answers">Who stands for which client towards which destination, over all loops.</param>
    /// <param name="replies">Where the answers that are waited for are announced.</param>
    /// <param name="late">Where answers are expected of sessions that policy has ended.</param>
    /// <param name="observer">Hears when a client's port could not be used, and of dropped datagrams.</param>
    internal UdpApplicationDialer(UdpDialer dialer, UdpReplyRegistry answers, IReplyTable replies, LateAnswers late, IProxyObserver observer)
    {
        (_dialer, _answers, _replies, _late, _observer) = (dialer, answers, replies, late, observer);
        _closing = OnClosing;
    }

    /// <summary>Opens the path to an application; what it answers goes to the sink.</summary>
    /// <param name="info">The session.</param>
    /// <param name="client">
    /// The client's address and port, to speak from; null for this machine's own. Not used when the family differs or the proxy is not transparent; its port not
    /// when another session of this client uses it to the same destination.
    /// </param>
    /// <param name="target">The application.</param>
    /// <param name="sink">Hears what comes back.</param>
    /// <param name="failure">Why null was returned.</param>
    /// <param name="detail">More words on it.</param>
    internal IDatagramPeer? TryOpen(
        in ProxyConnectionInfo info, in SocketEndPoint? client, in SocketEndPoint target, IDatagramSink sink, out ProxyFailure failure, out string? detail)
    {
        UdpSocketPeer? peer = OpenForClient(info.IsClientsPortTaken ? client?.WithPort(0) : client, target, info.ApplicationSpace, sink, out EndedUdpSession? replaced, out SocketErrno error);
        if (peer is not null) error = Announce(peer);

        // Only now: what the kernel is told of the pair holds without a gap.
        if (replaced is not null) _late.Release(replaced);
        if (peer is null || error != SocketErrno.None)
        {
            (failure, detail) = (ProxyFailures.FromConnect(error), $"send to {target}: {error}");
            return null;
        }

        (failure, detail) = (ProxyFailure.None, null);
        return ApplicationHeader.IsWanted(info) ? new ProxyHeaderPeer(peer, info, _room ??= GC.AllocateUninitializedArray<byte>(LongestDatagram), _observer) : peer;
    }

    private UdpSocketPeer? OpenForClient(
        in SocketEndPoint? client, in SocketEndPoint target, PodSpace? space, IDatagramSink sink, out EndedUdpSession? replaced, out SocketErrno error)
    {
        replaced = null;

        // A pod that reaches itself by a Service hears from the node: a kernel refuses packets from outside with its own address.
        SocketEndPoint? from = client is { } known && known.WithPort(0) != target.WithPort(0) ? known : null;
        UdpSocketPeer? peer = _dialer.Open(from, target, space, sink, out error);
        if (peer is null && from is not null && error is SocketErrno.AddressInUse or SocketErrno.AddressNotAvailable)
        {
            peer = _dialer.Open(from.Value.WithPort(0), target, space, sink, out error);
            if (peer is not null) _observer.OnSourcePortChanged();
        }

        if (peer is null || _answers.TryAdd(peer, out replaced)) return peer;

        // Two sessions of one client to one destination (by a Service and without) would get each other's answers.
        peer.Dispose();
        peer = _dialer.Open(from?.WithPort(0), target, space, sink, out error);
        if (peer is null) return null;
        if (_answers.TryAdd(peer, out replaced))
        {
            _observer.OnSourcePortChanged();
            return peer;
        }

        peer.Dispose();
        error = SocketErrno.AddressInUse;
        return null;
    }

    // A socket that cannot be announced is closed.
    private SocketErrno Announce(UdpSocketPeer peer)
    {
        SocketErrno error = _replies.Add(peer.Remote, peer.Local, PodSpace.NumberOf(peer.Space), peer.Loop.Index);
        if (error == SocketErrno.None)
        {
            peer.Closing = _closing;
            return error;
        }

        _answers.Remove(peer);
        peer.Dispose();
        return error;
    }

    private void OnClosing(UdpSocketPeer peer, BudgetLease? kept)
    {
        if (kept is not null)
        {
            _late.Expect(peer, kept);
            return;
        }

        _answers.Remove(peer);
        _replies.Remove(peer.Remote, peer.Local, PodSpace.NumberOf(peer.Space));
    }
}
