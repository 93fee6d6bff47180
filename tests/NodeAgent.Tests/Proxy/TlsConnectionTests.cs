using Culvert.Interop.Sockets;
using Culvert.Interop.Tls;
using Culvert.Protocol;

namespace Culvert.NodeAgent.Tests.Proxy;

public sealed class TlsConnectionTests
{
    private const string Alice = "spiffe://cluster.local/ns/a/sa/alice";
    private const string Bob = "spiffe://cluster.local/ns/b/sa/bob";

    [Fact]
    public void BothSidesSeeEachOthersIdentity()
    {
        using Pair pair = new();
        (TlsConnection client, TlsConnection server) = (pair.Client, pair.Server);
        Assert.Equal([Alice], server.GetPeer()!.Uris);
        Assert.Equal([Bob], client.GetPeer()!.Uris);
        Assert.InRange(client.GetPeer()!.NotAfter, DateTimeOffset.UtcNow.AddMinutes(50), DateTimeOffset.UtcNow.AddMinutes(70));
        Assert.True(server.IsHttp2Selected());

        byte[] sent = new byte[40_000];
        Random.Shared.NextBytes(sent);
        byte[] received = new byte[sent.Length];
        int written = 0, read = 0;
        while (read < received.Length)
        {
            if (written < sent.Length && client.Write(sent.AsSpan(written)) is { Status: TlsStatus.Done } w) written += w.Count;
            Assert.True(client.Flush().Status is TlsStatus.Done or TlsStatus.WantWrite);
            TlsResult r = server.Read(received.AsSpan(read));
            if (r.Status == TlsStatus.Done) read += r.Count;
            else Assert.Equal(TlsStatus.WantRead, r.Status);
        }

        Assert.Equal(sent, received);
        client.Shutdown();
        Assert.Equal(TlsStatus.Closed, ReadUntil(server));
    }

    [Fact]
    public void BeforeTheHandshakeThereIsNoGroup()
    {
        using Pair pair = new(handshake: false);
        Assert.Null(pair.Client.KeyExchangeGroup);
        Assert.Null(pair.Server.KeyExchangeGroup);
    }

    [Fact]
    public void BothSidesAgreeOnTheFirstGroupThatBothHave()
    {
        using Pair pair = new();
        Assert.Equal(TlsGroups.Offered[0], pair.Client.KeyExchangeGroup, ignoreCase: true);
        Assert.Equal(pair.Client.KeyExchangeGroup, pair.Server.KeyExchangeGroup);
        string[] expected = OpenSslVersion.Current >= OpenSslVersion.Recommended ? ["X25519MLKEM768", "X25519", "P-256"] : ["X25519", "P-256"];
        Assert.Equal(expected, TlsGroups.Offered);
    }

    [Theory]
    [InlineData(KeyKind.P256)]
    [InlineData(KeyKind.P384)]
    [InlineData(KeyKind.Rsa2048)]
    [InlineData(KeyKind.Rsa4096)]
    public void KeysOfEveryKindProveAnIdentity(KeyKind kind)
    {
        using Pair pair = new(kind);
        Assert.Equal([Alice], pair.Server.GetPeer()!.Uris);
        Assert.Equal([Bob], pair.Client.GetPeer()!.Uris);
    }

    [Fact]
    public void AReadOfNothingButFreshKeysEndsBeforeItHasTakenThemAll()
    {
        using Pair pair = new();
        (TlsConnection client, TlsConnection server) = (pair.Client, pair.Server);
        Assert.Equal(TlsStatus.WantRead, server.Read(new byte[10]).Status);
        using EpollHandle epoll = EpollHandle.Create();
        EpollBuffer events = new(1);
        Assert.Equal(SocketErrno.None, epoll.Add(pair.Sockets.Second, EpollEvents.Readable, 0));

        // A peer may have fresh keys as often as it has something to say.
        for (int i = 0; i < 100; i++)
        {
            Assert.Equal(TlsStatus.Done, client.UpdateKeys().Status);
            Assert.Equal(new TlsResult(TlsStatus.Done, 3), client.Write("abc"u8));
            Assert.Equal(TlsStatus.Done, client.Flush().Status);
            Assert.Equal(new TlsResult(TlsStatus.Done, 3), ReadWhenReadable());
        }

        // No read takes part of them only, but this one: what is left is in the socket or in the connection.
        for (int i = 0; i < 2000; i++) Assert.Equal(TlsStatus.Done, client.UpdateKeys().Status);
        Assert.Equal(new TlsResult(TlsStatus.Done, 3), client.Write("abc"u8));
        Assert.Equal(TlsStatus.Done, client.Flush().Status);
        Assert.Equal(TlsStatus.Failed, ReadWhenReadable().Status);
        Assert.Equal("too many TLS messages without data", server.FailureReason);

        TlsResult ReadWhenReadable()
        {
            TlsResult result;
            while ((result = server.Read(new byte[10])).Status == TlsStatus.WantRead) Assert.Equal(1, epoll.Wait(events, 10_000));
            return result;
        }
    }

    [Fact]
    public void AShortReadSaysThatTheSocketWasEmptyAndOtherReadsDoNot()
    {
        using Pair pair = new();
        (TlsConnection client, TlsConnection server) = (pair.Client, pair.Server);
        byte[] buffer = new byte[20_000];
        Send(client, "abc"u8);
        Assert.Equal(3, ReadWhenThere());
        Assert.Equal((true, false), (server.HasEmptiedSocket, server.HasPending));

        // The second record came with the first: reading it says nothing about the socket.
        Assert.Equal(TlsStatus.Done, client.Write("de"u8).Status);
        Send(client, "f"u8);
        Assert.Equal(2, ReadWhenThere());
        Assert.Equal((true, true), (server.HasEmptiedSocket, server.HasPending));
        Assert.Equal(1, ReadWhenThere());
        Assert.Equal((false, false), (server.HasEmptiedSocket, server.HasPending));

        // At least as much as the shortest read buffer takes at once.
        Send(client, new byte[16_384]);
        Send(client, new byte[16_384]);
        byte[] all = new byte[40_000];
        SpinWait.SpinUntil(() => pair.Sockets.Second.Peek(all).Count > 32_768);
        Assert.Equal(16_384, ReadWhenThere());
        Assert.False(server.HasEmptiedSocket);
        Assert.Equal(16_384, ReadWhenThere());

        // A read that finds nothing.
        Assert.Equal(TlsStatus.WantRead, server.Read(buffer).Status);
        Assert.False(server.HasEmptiedSocket);

        static void Send(TlsConnection from, ReadOnlySpan<byte> bytes)
        {
            Assert.Equal(new TlsResult(TlsStatus.Done, bytes.Length), from.Write(bytes));
            Assert.Equal(TlsStatus.Done, from.Flush().Status);
        }

        int ReadWhenThere()
        {
            TlsResult result;
            while ((result = server.Read(buffer)).Status == TlsStatus.WantRead)
            {
            }

            Assert.Equal(TlsStatus.Done, result.Status);
            return result.Count;
        }
    }

    [Fact]
    public void AServerOfAnotherAuthorityIsRefusedByTheClient()
    {
        using TestAuthority mine = new(), other = new("other root");
        (TlsStatus client, _, string? reason, _) = Try(mine.Context(false, mine.Issue(Alice)), other.Context(true, other.Issue(Bob), mine));
        Assert.Equal(TlsStatus.Failed, client);
        Assert.Contains("certificate", reason, StringComparison.Ordinal);
    }

    [Fact]
    public void AClientOfAnotherAuthorityIsRefusedByTheServer()
    {
        using TestAuthority mine = new(), other = new("other root");
        (_, TlsStatus server, _, string? reason) = Try(other.Context(false, other.Issue(Alice), mine), mine.Context(true, mine.Issue(Bob)));
        Assert.Equal(TlsStatus.Failed, server);
        Assert.Contains("certificate verify failed", reason, StringComparison.Ordinal);
    }

    [Fact]
    public void AnExpiredClientCertificateIsRefusedWithTheReason()
    {
        using TestAuthority mine = new();
        (_, TlsStatus server, _, string? reason) = Try(
            mine.Context(false, mine.Issue(DateTimeOffset.UtcNow.AddMinutes(-1), Alice)), mine.Context(true, mine.Issue(Bob)));
        Assert.Equal(TlsStatus.Failed, server);
        Assert.Contains("expired", reason, StringComparison.Ordinal);
    }

    [Fact]
    public void AKeyOfAnotherCertificateIsRefused()
    {
        using TestAuthority mine = new();
        TestLeaf leaf = mine.Issue(Alice);
        TlsException exception = Assert.Throws<TlsException>(() => mine.Context(true, leaf with { Key = mine.Issue(Bob).Key }));
        Assert.Contains("key", exception.Message, StringComparison.Ordinal);
    }

    private static (TlsStatus Client, TlsStatus Server, string? ClientReason, string? ServerReason) Try(TlsContext clientContext, TlsContext serverContext)
    {
        using SocketPair sockets = new();
        using TlsConnection server = TlsConnection.Create(serverContext, sockets.Second);
        using TlsConnection client = TlsConnection.Create(clientContext, sockets.First);
        (TlsStatus c, TlsStatus s) = Handshake(client, server);
        clientContext.Dispose();
        serverContext.Dispose();
        return (c, s, client.FailureReason, server.FailureReason);
    }

    private static (TlsStatus Client, TlsStatus Server) Handshake(TlsConnection client, TlsConnection server)
    {
        TlsStatus c = TlsStatus.WantRead, s = TlsStatus.WantRead;
        for (int i = 0; i < 1000 && (c == TlsStatus.WantRead || s == TlsStatus.WantRead); i++)
        {
            if (c == TlsStatus.WantRead) c = client.Handshake().Status;
            if (s == TlsStatus.WantRead) s = server.Handshake().Status;
            if (c is not (TlsStatus.WantRead or TlsStatus.Done)) break;
        }

        return (c, s);
    }

    private static TlsStatus ReadUntil(TlsConnection connection)
    {
        byte[] buffer = new byte[100];
        TlsStatus status;
        do status = connection.Read(buffer).Status;
        while (status is TlsStatus.WantRead or TlsStatus.Done);
        return status;
    }

    /// <summary>Alice's connection to Bob, its handshake done.</summary>
    private sealed class Pair : IDisposable
    {
        private readonly TestAuthority _authority = new();
        private readonly TlsContext _clientContext;
        private readonly TlsContext _serverContext;

        internal Pair(KeyKind keys = KeyKind.P256, bool handshake = true)
        {
            _serverContext = _authority.Context(true, _authority.Issue(keys, Bob));
            _clientContext = _authority.Context(false, _authority.Issue(keys, Alice));
            Server = TlsConnection.Create(_serverContext, Sockets.Second);
            Client = TlsConnection.Create(_clientContext, Sockets.First);
            if (handshake) Assert.Equal((TlsStatus.Done, TlsStatus.Done), Handshake(Client, Server));
        }

        internal SocketPair Sockets { get; } = new();

        internal TlsConnection Client { get; }

        internal TlsConnection Server { get; }

        public void Dispose()
        {
            Client.Dispose();
            Server.Dispose();
            _clientContext.Dispose();
            _serverContext.Dispose();
            Sockets.Dispose();
            _authority.Dispose();
        }
    }
}
