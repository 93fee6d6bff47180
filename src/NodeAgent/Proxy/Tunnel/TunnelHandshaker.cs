using System.Runtime.CompilerServices;
using Culvert.Core;
using Culvert.Interop.Sockets;
using Culvert.Interop.Tls;
using Culvert.NodeAgent.Proxy.Loop;
using Culvert.NodeAgent.Proxy.Model;
using Culvert.NodeAgent.Proxy.Transport;

namespace Culvert.NodeAgent.Proxy.Tunnel;

/// <summary>Makes tunnels out of connected sockets: TLS in either role, ALPN, and the peer's SPIFFE ID. On one loop.</summary>
/// <param name="loop">The loop.</param>
/// <param name="timeout">Time for a handshake in the role of the client.</param>
/// <param name="report">Reports every outcome.</param>
/// <param name="certificates">Credentials.</param>
/// <param name="proofs">What peers have proven.</param>
/// <param name="time">The clock.</param>
internal sealed class TunnelHandshaker(EventLoop loop, TimeSpan timeout, HandshakeReporter report, ICertificateSource certificates, PeerProofs proofs, TimeProvider time)
{
    private readonly HandshakeTurns _turns = new(loop, time);

    /// <summary>Does the handshake in the role of the server, with anybody of the mesh. Whoever accepted the connection limits its time.</summary>
    /// <param name="place">The connection's place among those that wait; its socket is owned from here on.</param>
    /// <param name="peer">The other side's address.</param>
    /// <param name="local">This side's address.</param>
    /// <param name="identity">What to present.</param>
    /// <returns>The parts, or null and the failure; the socket is closed then.</returns>
    internal ValueTask<(TunnelParts? Parts, ProxyFailure Failure, string? Detail)> AcceptAsync(HandshakePlace place, SocketEndPoint peer, SocketEndPoint local, TlsIdentity identity) =>
        RunAsync(place.Socket, peer, local, identity, place, expected: null);

    /// <summary>Does the handshake in the role of the client, within the time for it.</summary>
    /// <param name="socket">A connected socket; owned from here on.</param>
    /// <param name="peer">The other side's address.</param>
    /// <param name="local">This side's address.</param>
    /// <param name="identity">What to present.</param>
    /// <param name="expected">Who the peer has to be.</param>
    /// <returns>The parts, or null and the failure; the socket is closed then.</returns>
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    internal async ValueTask<(TunnelParts? Parts, ProxyFailure Failure, string? Detail)> ConnectAsync(
        LoopSocket socket, SocketEndPoint peer, SocketEndPoint local, TlsIdentity identity, SpiffeId expected)
    {
        LoopTimer deadline = socket.ResetAfter(timeout);
        try
        {
            return await RunAsync(socket, peer, local, identity, place: null, expected);
        }
        finally
        {
            loop.Timers.Cancel(deadline);
        }
    }

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    private async ValueTask<(TunnelParts? Parts, ProxyFailure Failure, string? Detail)> RunAsync(
        LoopSocket socket, SocketEndPoint peer, SocketEndPoint local, TlsIdentity identity, HandshakePlace? place, SpiffeId? expected)
    {
        try
        {
            return await AuthenticateAsync(socket, peer, local, identity, place, expected);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    private async ValueTask<(TunnelParts? Parts, ProxyFailure Failure, string? Detail)> AuthenticateAsync(
        LoopSocket socket, SocketEndPoint peer, SocketEndPoint local, TlsIdentity identity, HandshakePlace? place, SpiffeId? expected)
    {
        bool isServer = place is not null;
        long started = loop.NowMilliseconds;
        string? refusal = isServer ? await FirstRecord.ReceiveAsync(socket) : null;
        if (refusal is null && !socket.IsClosed && place is not null)
        {
            place.Speak();
            await _turns.WaitAsync(place.Source, socket);
        }

        TlsConnection? tls = null;
        TlsResult result = default;
        if (refusal is null && !socket.IsClosed)
        {
            tls = TlsConnection.Create(isServer ? identity.Server : identity.Client, socket.Handle);
            result = await HandshakeAsync(socket, tls, isServer);
        }

        (SpiffeId? id, TlsPeer? proven, ProxyFailure failure, string? detail) =
            refusal is not null ? Refused(ProxyFailure.TlsHandshake, refusal)
            : place is { IsCrowdedOut: true } ? Refused(ProxyFailure.CrowdedOut, "it gave way to newer connections")
            : tls is null || socket.IsClosed ? Refused(ProxyFailure.TlsTimeout, "no answer in time")
            : Evaluate(tls, result, identity.Id, expected);
        report.Report(isServer, peer, identity.Id, id, failure, detail, TimeSpan.FromMilliseconds(loop.NowMilliseconds - started), tls?.KeyExchangeGroup);
        if (failure == ProxyFailure.None)
        {
            PeerTrust trust = Note(new PeerKey(peer.WithPort(0), id!, identity.Id, isServer), identity, proven!);
            return (new TunnelParts(socket, tls!, identity, id!, peer, local) { Trust = trust }, failure, null);
        }

        socket.Dispose();
        tls?.Dispose();
        return (null, failure, detail);
    }

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    private async ValueTask<TlsResult> HandshakeAsync(LoopSocket socket, TlsConnection tls, bool isServer)
    {
        while (true)
        {
            long began = time.GetTimestamp();
            TlsResult result = tls.Handshake();
            if (isServer) _turns.Charge(time.GetElapsedTime(began));
            if (result.Status is not (TlsStatus.WantRead or TlsStatus.WantWrite)) return result;
            if (result.Status == TlsStatus.WantRead) socket.ReadBlocked();
            else socket.WriteBlocked();
            if (!await (result.Status == TlsStatus.WantRead ? socket.ReadableAsync() : socket.WritableAsync())) return result;
        }
    }

    private PeerTrust Note(in PeerKey key, TlsIdentity shown, TlsPeer proven)
    {
        PeerProof proof = new(shown, time.GetUtcNow(), proven.NotAfter, proven.Anchor, SerialsOf(proven));
        proofs.Note(key, proof);
        return new PeerTrust(key, proof, certificates, proofs, time);
    }

    private (SpiffeId? Id, TlsPeer? Peer, ProxyFailure Failure, string? Detail) Evaluate(TlsConnection tls, TlsResult result, SpiffeId own, SpiffeId? expected)
    {
        switch (result.Status)
        {
            case TlsStatus.Done: break;
            case TlsStatus.Failed: return Refused(ProxyFailure.TlsHandshake, tls.FailureReason);
            case TlsStatus.SocketError: return Refused(ProxyFailure.TlsHandshake, tls.FailureReason);
            default: return Refused(ProxyFailure.TlsHandshake, "the peer closed the connection during the handshake");
        }

        if (!tls.IsHttp2Selected()) return Refused(ProxyFailure.ProtocolError, "the peer did not choose HTTP/2 by ALPN");
        TlsPeer? peer = tls.GetPeer();
        if (peer is null) return Mismatch("the peer has shown no certificate");
        if (!SvidRules.TryRead(peer, out SpiffeId? id, out string? error)) return Mismatch(error);
        bool isForeignTrusted = id.TrustDomain != own.TrustDomain && certificates.TrustsForeign(id.TrustDomain, peer.Anchor);
        RevokedCredentials revoked = certificates.Revoked;
        (ProxyFailure failure, string? detail) = PeerRules.FindRefusal(id, own, expected, revoked, revoked.IsEmpty ? [] : SerialsOf(peer), isForeignTrusted);
        return failure == ProxyFailure.None ? (id, peer, ProxyFailure.None, null) : Refused(failure, detail);
    }

    private static CertificateSerial[] SerialsOf(TlsPeer peer) => [.. peer.Serials.Select(s => CertificateSerial.Of(s))];

    private static (SpiffeId? Id, TlsPeer? Peer, ProxyFailure Failure, string? Detail) Mismatch(string detail) => Refused(ProxyFailure.PeerIdentityMismatch, detail);

    private static (SpiffeId? Id, TlsPeer? Peer, ProxyFailure Failure, string? Detail) Refused(ProxyFailure failure, string? detail) => (null, null, failure, detail);
}
