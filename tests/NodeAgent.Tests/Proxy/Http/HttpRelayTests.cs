using System.Text;
using Culvert.NodeAgent.Proxy.Http;
using Culvert.NodeAgent.Proxy.Model;
using Culvert.NodeAgent.Tests.Proxy.Transport;
using static Culvert.NodeAgent.Tests.Proxy.Http.HttpLab;

namespace Culvert.NodeAgent.Tests.Proxy.Http;

/// <summary>What both sides of a relay of HTTP/1.1 see of each other's messages (RFC 9112).</summary>
public sealed class HttpRelayTests
{
    public static TheoryData<TransportKind, TransportKind> Pairs => HttpLab.Pairs;

    [Theory]
    [MemberData(nameof(Pairs))]
    public async Task RequestsFollowEachOtherOnOneConnection(TransportKind client, TransportKind server)
    {
        await using HttpLab lab = await StartAsync(client, server);
        for (int i = 0; i < 50; i++) await lab.ExchangeAsync();
        await lab.Client.FinishAsync();
        Assert.Equal("", await RestAsync(lab.Server));
        await lab.Server.FinishAsync();
        Assert.Equal("", await RestAsync(lab.Client));
        Assert.Equal(ProxyFailure.None, await lab.EndAsync());
        Assert.Equal((50 * 28, 50 * 40), (lab.Relay.BytesSent, lab.Relay.BytesReceived));
        Assert.Equal(Enumerable.Repeat((200, (string?)null), 50), lab.Mesh.Requests);
    }

    [Fact]
    public async Task MessagesAreWrittenAnew()
    {
        await using HttpLab lab = await StartAsync();
        await SayAsync(lab.Client, "\r\nPOST http://shop/a?b HTTP/1.1\r\nHost: other\r\nConnection: x-hop\r\nX-Hop: 1\r\nKeep-Alive: 3\r\nX-Kept:  yes\t\r\nContent-Length: 3\r\n\r\nabc");
        await ExpectAsync(lab.Server, "POST /a?b HTTP/1.1\r\nhost: shop\r\nx-kept: yes\r\ncontent-length: 3\r\n\r\nabc");
        await SayAsync(lab.Server, "HTTP/1.1 201 Made\r\nConnection: keep-alive\r\nServer: s\r\nContent-Length: 0\r\n\r\n");
        await ExpectAsync(lab.Client, "HTTP/1.1 201 Created\r\nserver: s\r\ncontent-length: 0\r\n\r\n");
    }

    [Fact]
    public async Task ARequestInPiecesIsOne()
    {
        await using HttpLab lab = await StartAsync();
        foreach (char c in "GET /a HTTP/1.1\r\nHost: x\r\n\r\n") await SayAsync(lab.Client, c.ToString());
        await ExpectAsync(lab.Server, "GET /a HTTP/1.1\r\nhost: x\r\n\r\n");
    }

    [Theory]
    [MemberData(nameof(Pairs))]
    public async Task WhatIsSentAheadWaitsForTheAnswerBefore(TransportKind client, TransportKind server)
    {
        await using HttpLab lab = await StartAsync(client, server);
        await SayAsync(lab.Client, "GET /1 HTTP/1.1\r\nhost: x\r\n\r\nPOST /2 HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\n\r\nabGET /3 HTTP/1.1\r\nhost: x\r\n\r\n");
        foreach (string expected in (string[])["GET /1 HTTP/1.1\r\nhost: x\r\n\r\n", "POST /2 HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\n\r\nab", "GET /3 HTTP/1.1\r\nhost: x\r\n\r\n"])
        {
            await ExpectAsync(lab.Server, expected);
            await SayAsync(lab.Server, "HTTP/1.1 204 No Content\r\n\r\n");
            await ExpectAsync(lab.Client, "HTTP/1.1 204 No Content\r\n\r\n");
        }
    }

    [Theory]
    [InlineData("GET /2 HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")]
    [InlineData("GET /2 HTTP/1.0\r\nhost: x\r\n\r\n")]
    public async Task TheLastMayBeSentAheadToo(string last)
    {
        await using HttpLab lab = await StartAsync();
        await SayAsync(lab.Client, "GET /1 HTTP/1.1\r\nhost: x\r\n\r\n" + last);
        await ExpectAsync(lab.Server, "GET /1 HTTP/1.1\r\nhost: x\r\n\r\n");
        await SayAsync(lab.Server, "HTTP/1.1 204 No Content\r\n\r\n");
        await ExpectAsync(lab.Client, "HTTP/1.1 204 No Content\r\n\r\n");
        await ExpectAsync(lab.Server, "GET /2 HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
        await SayAsync(lab.Server, "HTTP/1.1 204 No Content\r\n\r\n");
        Assert.Equal("HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n", await RestAsync(lab.Client));
    }

    [Theory]
    [MemberData(nameof(Pairs))]
    public async Task ChunksAreFramedAnewAndTrailersAreKept(TransportKind client, TransportKind server)
    {
        await using HttpLab lab = await StartAsync(client, server);
        await SayAsync(lab.Client, "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0003;a=b\r\nabc\r\n0\r\nX-Sum: 1\r\n\r\n");
        await ExpectAsync(lab.Server, "POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nx-sum: 1\r\n\r\n");
        await SayAsync(lab.Server, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nde\r\n1\r\nf\r\n00\r\nGrpc-Status: 0\r\n\r\n");
        await ExpectAsync(lab.Client, "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nde\r\n1\r\nf\r\n0\r\ngrpc-status: 0\r\n\r\n");
        await lab.ExchangeAsync();
    }

    [Theory]
    [MemberData(nameof(Pairs))]
    public async Task LargeBodiesPassBothWaysAtOnce(TransportKind client, TransportKind server)
    {
        const int Length = 3_000_000;
        await using HttpLab lab = await StartAsync(client, server);
        await SayAsync(lab.Client, $"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: {Length}\r\n\r\n");
        await ExpectAsync(lab.Server, $"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: {Length}\r\n\r\n");
        await SayAsync(lab.Server, $"HTTP/1.1 200 OK\r\ncontent-length: {Length}\r\n\r\n");
        await ExpectAsync(lab.Client, $"HTTP/1.1 200 OK\r\ncontent-length: {Length}\r\n\r\n");
        byte[] body = FarEnd.Pattern(Length);
        Task<byte[]?> up = lab.Server.ReceiveAsync(Length), down = lab.Client.ReceiveAsync(Length);
        await Task.WhenAll(lab.Client.SendAsync(body, finish: false), lab.Server.SendAsync(body, finish: false));
        Assert.Equal(body, await up);
        Assert.Equal(body, await down);
        await lab.ExchangeAsync();
    }

    [Theory]
    [MemberData(nameof(Pairs))]
    public async Task LargeBodiesPassInChunks(TransportKind client, TransportKind server)
    {
        const int Length = 1_000_000;
        await using HttpLab lab = await StartAsync(client, server);
        byte[] body = FarEnd.Pattern(Length);
        await SayAsync(lab.Client, "POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n");
        await ExpectAsync(lab.Server, "POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n");
        Task<byte[]> received = ReceiveChunksAsync(lab.Server);
        await SayAsync(lab.Client, $"{Length:X}\r\n");
        await lab.Client.SendAsync(body, finish: false);
        await SayAsync(lab.Client, "\r\n0\r\n\r\n");
        Assert.Equal(body, await received);
    }

    [Theory]
    [MemberData(nameof(Pairs))]
    public async Task AnAnswerStreamsWhileItsRequestDoes(TransportKind client, TransportKind server)
    {
        await using HttpLab lab = await StartAsync(client, server);
        const string Request = "POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n", Response = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
        await lab.ExchangeAsync(Request, Response);
        for (int i = 0; i < 20; i++) await lab.ExchangeAsync($"8\r\npiece {i:00}\r\n", $"9\r\nanswer {i:00}\r\n");
        await lab.ExchangeAsync("0\r\n\r\n", "0\r\n\r\n");
        await lab.ExchangeAsync();
    }

    [Fact]
    public async Task WhatAnswersHeadHasNoBody()
    {
        await using HttpLab lab = await StartAsync();
        await lab.ExchangeAsync("HEAD / HTTP/1.1\r\nhost: x\r\n\r\n", "HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n");
        await lab.ExchangeAsync(response: "HTTP/1.1 304 Not Modified\r\ncontent-length: 100\r\n\r\n");
        await lab.ExchangeAsync();
    }

    [Theory]
    [MemberData(nameof(Pairs))]
    public async Task ABodyThatEndsWithTheConnectionIsWholeWhenItEndsInGoodOrder(TransportKind client, TransportKind server)
    {
        await using HttpLab lab = await StartAsync(client, server);
        await SayAsync(lab.Client, "GET / HTTP/1.1\r\nHost: x\r\n\r\n");
        await ExpectAsync(lab.Server, "GET / HTTP/1.1\r\nhost: x\r\n\r\n");
        await SayAsync(lab.Server, "HTTP/1.1 200 OK\r\n\r\nabc");
        await ExpectAsync(lab.Client, "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\nconnection: close\r\n\r\n3\r\nabc\r\n");
        await lab.Server.FinishAsync();
        Assert.Equal("0\r\n\r\n", await RestAsync(lab.Client));
        await lab.Client.FinishAsync();
        Assert.Equal(ProxyFailure.None, await lab.EndAsync());
    }

    [Fact]
    public async Task AClientOfVersion10GetsNoChunksAndNoInterimResponses()
    {
        await using HttpLab lab = await StartAsync();
        await SayAsync(lab.Client, "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
        await ExpectAsync(lab.Server, "GET / HTTP/1.1\r\nhost: \r\n\r\n");
        await SayAsync(lab.Server, "HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\na");
        await ExpectAsync(lab.Client, "HTTP/1.1 200 OK\r\ncontent-length: 1\r\nconnection: keep-alive\r\n\r\na");
        await SayAsync(lab.Client, "GET / HTTP/1.0\r\nHost: x\r\nConnection: keep-alive\r\n\r\n");
        await ExpectAsync(lab.Server, "GET / HTTP/1.1\r\nhost: x\r\n\r\n");
        await SayAsync(lab.Server, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nX: 1\r\n\r\n");
        Assert.Equal("HTTP/1.1 200 OK\r\nconnection: close\r\n\r\nabc", await RestAsync(lab.Client));
    }

    [Fact]
    public async Task ABodyThatIsWaitedWithComesWhenTheServerAsksForIt()
    {
        await using HttpLab lab = await StartAsync();
        const string Head = "POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 3\r\nexpect: 100-continue\r\n\r\n";
        await SayAsync(lab.Client, Head);
        await ExpectAsync(lab.Server, Head);
        await SayAsync(lab.Server, "HTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n");
        await ExpectAsync(lab.Client, "HTTP/1.1 103 Early Hints\r\nlink: a\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n");
        await SayAsync(lab.Client, "abc");
        await ExpectAsync(lab.Server, "abc");
        await SayAsync(lab.Server, "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n");
        await ExpectAsync(lab.Client, "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n");
        await lab.ExchangeAsync();
    }

    [Fact]
    public async Task ABodyThatNobodyAskedForIsNotWaitedFor()
    {
        await using HttpLab lab = await StartAsync();
        const string Head = "POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 3\r\nexpect: 100-continue\r\n\r\n";
        await SayAsync(lab.Client, Head);
        await ExpectAsync(lab.Server, Head);
        await SayAsync(lab.Server, "HTTP/1.1 417 Expectation Failed\r\nContent-Length: 0\r\n\r\n");
        Assert.Equal("HTTP/1.1 417 Expectation Failed\r\ncontent-length: 0\r\nconnection: close\r\n\r\n", await RestAsync(lab.Client));
    }

    [Theory]
    [MemberData(nameof(Pairs))]
    public async Task AnAnswerThatComesBeforeTheRequestIsWholeReachesTheClient(TransportKind client, TransportKind server)
    {
        await using HttpLab lab = await StartAsync(client, server);
        await SayAsync(lab.Client, "POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\nabc");
        await ExpectAsync(lab.Server, "POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\nabc");
        await SayAsync(lab.Server, "HTTP/1.1 413 Content Too Large\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
        await ExpectAsync(lab.Client, "HTTP/1.1 413 Content Too Large\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
        await SayAsync(lab.Client, "still sending");
        Assert.Equal("", await RestAsync(lab.Client));
        await lab.Server.AssertResetAsync();
    }

    [Theory]
    [MemberData(nameof(Pairs))]
    public async Task AClientMayEndItsDirectionAndStillIsAnswered(TransportKind client, TransportKind server)
    {
        await using HttpLab lab = await StartAsync(client, server);
        await lab.Client.SendAsync("GET / HTTP/1.1\r\nhost: x\r\n\r\n"u8.ToArray(), finish: true);
        await ExpectAsync(lab.Server, "GET / HTTP/1.1\r\nhost: x\r\n\r\n");
        await SayAsync(lab.Server, "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok");
        Assert.Equal("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok", await RestAsync(lab.Client));
        Assert.Equal(ProxyFailure.None, await lab.EndAsync());
    }

    [Theory]
    [MemberData(nameof(Pairs))]
    public async Task AChangeOfProtocolMakesItBytes(TransportKind client, TransportKind server)
    {
        await using HttpLab lab = await StartAsync(client, server);
        await lab.ExchangeAsync();
        await SayAsync(lab.Client, "GET /chat HTTP/1.1\r\nHost: x\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\r\n");
        await ExpectAsync(lab.Server, "GET /chat HTTP/1.1\r\nhost: x\r\nsec-websocket-version: 13\r\nupgrade: websocket\r\nconnection: upgrade\r\n\r\n");
        await SayAsync(lab.Server, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\nfirst");
        await ExpectAsync(lab.Client, "HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\n\r\nfirst");
        await SayAsync(lab.Client, "GET \n\n no HTTP");
        await ExpectAsync(lab.Server, "GET \n\n no HTTP");
        await lab.Client.FinishAsync();
        Assert.Equal("", await RestAsync(lab.Server));
        await lab.Server.SendAsync("last"u8.ToArray(), finish: true);
        Assert.Equal("last", await RestAsync(lab.Client));
        Assert.Equal(ProxyFailure.None, await lab.EndAsync());
    }

    [Fact]
    public async Task AChangeOfProtocolMayBeDeclined()
    {
        await using HttpLab lab = await StartAsync();
        const string Request = "GET /chat HTTP/1.1\r\nhost: x\r\nupgrade: websocket\r\nconnection: upgrade\r\n\r\n";
        await lab.ExchangeAsync(Request, "HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n");
        await lab.ExchangeAsync();
    }

    [Fact]
    public async Task AnUpgradeToHttp2IsPassedOver()
    {
        await using HttpLab lab = await StartAsync();
        await SayAsync(lab.Client, "GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n\r\n");
        await ExpectAsync(lab.Server, "GET / HTTP/1.1\r\nhost: x\r\n\r\n");
    }

    [Fact]
    public async Task AnUpgradeOfVersion10IsPassedOver()
    {
        await using HttpLab lab = await StartAsync();
        await SayAsync(lab.Client, "GET / HTTP/1.0\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n");
        await ExpectAsync(lab.Server, "GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
        await SayAsync(lab.Server, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n");
        Assert.StartsWith("HTTP/1.1 502 ", await RestAsync(lab.Client), StringComparison.Ordinal);
    }

    [Fact]
    public async Task AnAbortIsSeenAsAReset()
    {
        await using HttpLab lab = await StartAsync();
        await lab.ExchangeAsync();
        await lab.AbortAsync(ProxyFailure.PolicyChanged);
        await lab.Client.AssertResetAsync();
        await lab.Server.AssertResetAsync();
        Assert.Equal(ProxyFailure.PolicyChanged, await lab.EndAsync());
        Assert.Equal([(200, null)], lab.Mesh.Requests);
    }

    // What chunks hold, up to the last.
    private static async Task<byte[]> ReceiveChunksAsync(FarEnd end)
    {
        using MemoryStream content = new();
        while (true)
        {
            StringBuilder line = new();
            while (!line.ToString().EndsWith("\r\n", StringComparison.Ordinal)) line.Append((char)(await end.ReceiveAsync(1))![0]);
            int size = Convert.ToInt32(line.ToString().TrimEnd(), 16);
            content.Write(await end.ReceiveAsync(size));
            Assert.Equal("\r\n"u8.ToArray(), await end.ReceiveAsync(2));
            if (size == 0) return content.ToArray();
        }
    }
}
