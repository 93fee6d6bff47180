using Culvert.NodeAgent.Proxy.Http;
using Culvert.NodeAgent.Proxy.Model;
using Culvert.NodeAgent.Tests.Proxy.Transport;
using static Culvert.NodeAgent.Tests.Proxy.Http.HttpLab;

namespace Culvert.NodeAgent.Tests.Proxy.Http;

/// <summary>What is not HTTP/1.1, comes too late or not at all: who is answered what, and that nothing of it is taken for another message.</summary>
[Trait("Category", "Attack")]
public sealed class HttpRelayFaultTests
{
    public static TheoryData<TransportKind, TransportKind> Pairs => HttpLab.Pairs;

    [Theory]
    [InlineData("GET / HTTP/1.1\r\n\r\n", 400)]
    [InlineData("GET / HTTP/1.1\nHost: x\n\n", 400)]
    [InlineData("GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n", 400)]
    [InlineData("GET / HTTP/1.1\r\nHost: x\r\nA: b\r\n c\r\n\r\n", 400)]
    [InlineData("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400)]
    [InlineData("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", 501)]
    [InlineData("CONNECT x:80 HTTP/1.1\r\nHost: x\r\n\r\n", 501)]
    [InlineData("GET / HTTP/3.0\r\nHost: x\r\n\r\n", 505)]
    [InlineData("\u0016\u0003\u0001\u0002\0\u0001\0\u0001\n", 400)]
    public async Task WhatIsNoRequestIsAnsweredAndReachesNoServer(string request, int status)
    {
        await using HttpLab lab = await StartAsync();
        await SayAsync(lab.Client, request);
        await lab.AssertAnsweredAsync(status, ProxyError.Request);
        Assert.Equal("", await RestAsync(lab.Server));
    }

    [Fact]
    public async Task AHeadThatIsTooLongIsAnswered()
    {
        await using HttpLab lab = await StartAsync();
        await lab.ExchangeAsync($"GET / HTTP/1.1\r\nhost: x\r\na: {new string('a', 16_384 - 32)}\r\n\r\n");
        await SayAsync(lab.Client, $"GET / HTTP/1.1\r\nHost: x\r\nA: {new string('a', 20_000)}\r\n\r\n");
        await lab.AssertAnsweredAsync(431, ProxyError.Request);
    }

    [Theory]
    [InlineData("GET / HTTP/1.1\r\nHost:x\r\nA:{a}\r\n\r\n", 16_384 - 27)]
    [InlineData("GET / HTTP/1.1\r\nHost: x\r\n{b}\r\n", 127)]
    public async Task AHeadThatWouldBeTooLongForTheNextProxyIsAnsweredByThisOne(string request, int count)
    {
        await using HttpLab lab = await StartAsync();
        await SayAsync(lab.Client, request.Replace("{a}", new string('a', count), StringComparison.Ordinal).Replace("{b}", string.Concat(Enumerable.Repeat("b: 1\r\n", count)), StringComparison.Ordinal));
        await lab.AssertAnsweredAsync(431, ProxyError.Request);
        Assert.Equal("", await RestAsync(lab.Server));
    }

    [Fact]
    public async Task WhatComesAfterWhatIsRefusedIsNotRead()
    {
        await using HttpLab lab = await StartAsync();
        await lab.ExchangeAsync();
        await SayAsync(lab.Client, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1, 1\r\n\r\naGET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n");
        await lab.AssertAnsweredAsync(400, ProxyError.Request);
        Assert.Equal("", await RestAsync(lab.Server));
    }

    [Theory]
    [MemberData(nameof(Pairs))]
    public async Task AChunkThatIsNoneIsAnsweredAndTheServerSeesThatTheRequestIsNotWhole(TransportKind client, TransportKind server)
    {
        await using HttpLab lab = await StartAsync(client, server);
        await SayAsync(lab.Client, "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n-1\r\n");
        await lab.AssertAnsweredAsync(400, ProxyError.Request);
        await lab.Server.AssertResetAsync();
    }

    [Fact]
    public async Task ARequestThatEndsInTheMiddleIsNotPassedOnAsWhole()
    {
        await using HttpLab lab = await StartAsync();
        await lab.Client.SendAsync("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc"u8.ToArray(), finish: true);
        await lab.Server.AssertResetAsync();
        Assert.Equal(ProxyFailure.ApplicationReset, await lab.EndAsync());
    }

    [Theory]
    [InlineData("")]
    [InlineData("GET / HT")]
    [InlineData("P")]
    public async Task ASlowHeadIsAnsweredWhenItsTimeIsOver(string begun)
    {
        await using HttpLab lab = await StartAsync(options: new HttpOptions { HeadTimeout = TimeSpan.FromMilliseconds(100) });
        if (begun.Length == 0) await lab.ExchangeAsync(); // between requests there is no limit but the first byte
        await SayAsync(lab.Client, begun.Length == 0 ? "GET" : begun);
        await lab.AssertAnsweredAsync(408, ProxyError.Request);
    }

    [Theory]
    [InlineData("HTTP/1.1 200 OK\nContent-Length: 0\n\n")]
    [InlineData("HTTP/1.1 2000 OK\r\n\r\n")]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n")]
    [InlineData("220 mail.example.com\r\n")]
    [InlineData("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n")]
    public async Task WhatIsNoAnswerIsToldSo(string response)
    {
        await using HttpLab lab = await StartAsync();
        await SayAsync(lab.Client, "GET / HTTP/1.1\r\nHost: x\r\n\r\n");
        await ExpectAsync(lab.Server, "GET / HTTP/1.1\r\nhost: x\r\n\r\n");
        await SayAsync(lab.Server, response);
        await lab.AssertAnsweredAsync(502, ProxyError.Protocol);
    }

    [Theory]
    [MemberData(nameof(Pairs))]
    public async Task AServerThatEndsWithoutAnAnswerIsToldSo(TransportKind client, TransportKind server)
    {
        await using HttpLab lab = await StartAsync(client, server);
        await SayAsync(lab.Client, "GET / HTTP/1.1\r\nHost: x\r\n\r\n");
        await ExpectAsync(lab.Server, "GET / HTTP/1.1\r\nhost: x\r\n\r\n");
        await lab.Server.FinishAsync();
        await lab.AssertAnsweredAsync(502, ProxyError.Incomplete);
    }

    [Theory]
    [MemberData(nameof(Pairs))]
    public async Task AServerThatBreaksWithoutAnAnswerIsToldSo(TransportKind client, TransportKind server)
    {
        await using HttpLab lab = await StartAsync(client, server);
        await SayAsync(lab.Client, "GET / HTTP/1.1\r\nHost: x\r\n\r\n");
        await ExpectAsync(lab.Server, "GET / HTTP/1.1\r\nhost: x\r\n\r\n");
        await lab.Server.ResetAsync();
        await lab.AssertAnsweredAsync(502, ProxyError.Terminated);
    }

    [Fact]
    public async Task OnAConnectionThatIsUsedAgainTheClientSeesTheServersEndAndMayRepeat()
    {
        await using HttpLab lab = await StartAsync();
        await lab.ExchangeAsync();
        await SayAsync(lab.Client, "GET / HTTP/1.1\r\nHost: x\r\n\r\n");
        await ExpectAsync(lab.Server, "GET / HTTP/1.1\r\nhost: x\r\n\r\n");
        await lab.Server.FinishAsync();
        Assert.Equal("", await RestAsync(lab.Client));
    }

    [Theory]
    [MemberData(nameof(Pairs))]
    public async Task AServerThatEndsBetweenRequestsEndsTheClientsConnection(TransportKind client, TransportKind server)
    {
        await using HttpLab lab = await StartAsync(client, server);
        await lab.ExchangeAsync();
        await lab.Server.FinishAsync();
        Assert.Equal("", await RestAsync(lab.Client));
        await lab.Client.FinishAsync();
        Assert.Equal(ProxyFailure.None, await lab.EndAsync());
    }

    [Fact]
    public async Task AnAnswerThatNobodyAskedForIsNotTakenForTheNext()
    {
        await using HttpLab lab = await StartAsync();
        await lab.ExchangeAsync(response: "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok");
        await SayAsync(lab.Server, "HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\npoison");
        Assert.Equal("", await RestAsync(lab.Client));
    }

    [Theory]
    [InlineData("GET /1 HTTP/1.1", "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nokHTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\npoison", "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")]
    [InlineData("HEAD /1 HTTP/1.1", "HTTP/1.1 200 OK\r\ncontent-length: 40\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n", "HTTP/1.1 200 OK\r\ncontent-length: 40\r\n\r\n")]
    [InlineData("GET /1 HTTP/1.1", "HTTP/1.1 304 Not Modified\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n", "HTTP/1.1 304 Not Modified\r\n\r\n")]
    public async Task WhatFollowsAnAnswerIsNotTakenForThatOfARequestThatWasSentAhead(string request, string response, string answer)
    {
        await using HttpLab lab = await StartAsync();
        await SayAsync(lab.Client, $"{request}\r\nhost: x\r\n\r\nGET /2 HTTP/1.1\r\nhost: x\r\n\r\n");
        await ExpectAsync(lab.Server, $"{request}\r\nhost: x\r\n\r\n");
        await SayAsync(lab.Server, response);
        Assert.Equal(answer, await RestAsync(lab.Client));
    }

    [Theory]
    [InlineData("1.1")]
    [InlineData("1.0")]
    public async Task InterimResponsesWithoutEndAreRefused(string version)
    {
        await using HttpLab lab = await StartAsync();
        await SayAsync(lab.Client, $"GET / HTTP/{version}\r\nhost: x\r\n\r\n");
        await SayAsync(lab.Server, string.Concat(Enumerable.Repeat("HTTP/1.1 102 Processing\r\n\r\n", 100)));
        string answer = await RestAsync(lab.Client);
        Assert.Equal(version == "1.1" ? 32 : 0, answer.Split("HTTP/1.1 102 ").Length - 1);
        Assert.Contains("HTTP/1.1 502 ", answer, StringComparison.Ordinal);
    }

    [Fact]
    public async Task AnInterimResponseWithABodyIsRefused()
    {
        await using HttpLab lab = await StartAsync();
        await SayAsync(lab.Client, "GET / HTTP/1.1\r\nhost: x\r\n\r\n");
        await SayAsync(lab.Server, "HTTP/1.1 103 Early Hints\r\ncontent-length: 38\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n");
        await lab.AssertAnsweredAsync(502, ProxyError.Protocol);
    }

    [Fact]
    public async Task AServerThatEndsBeforeAnythingIsAskedEndsTheClientsConnection()
    {
        await using HttpLab lab = await StartAsync();
        await lab.Server.FinishAsync();
        Assert.Equal("", await RestAsync(lab.Client));
        await lab.Client.FinishAsync();
        Assert.Equal(ProxyFailure.None, await lab.EndAsync());
    }

    [Theory]
    [InlineData("\r\n")]
    [InlineData("GET /next")]
    public async Task AClientThatEndsWithinTheNextHeadStillGetsItsAnswer(string begun)
    {
        const int Length = 4 << 20;
        await using HttpLab lab = await StartAsync();
        await lab.Client.SendAsync(System.Text.Encoding.ASCII.GetBytes($"GET / HTTP/1.1\r\nhost: x\r\n\r\n{begun}"), finish: true);
        await ExpectAsync(lab.Server, "GET / HTTP/1.1\r\nhost: x\r\n\r\n");
        await SayAsync(lab.Server, $"HTTP/1.1 200 OK\r\ncontent-length: {Length}\r\n\r\n");
        Task<bool> sending = lab.Server.SendAsync(new byte[Length], finish: false);
        string head = $"HTTP/1.1 200 OK\r\ncontent-length: {Length}\r\n\r\n";
        Assert.Equal(head.Length + Length, (await lab.Client.ReceiveAsync(head.Length + Length + 1))!.Length);
        Assert.True(await sending);
    }

    [Theory]
    [InlineData("\r\n\r\n\r\n\r\n\r\n", "GET /a HTTP/1.1\r\nhost: x\r\n\r\n")]
    [InlineData("\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n", "GET")]
    public async Task EmptyLinesInFrontOfARequestAreNoPartOfIt(string lines, string request)
    {
        await using HttpLab lab = await HttpLab.StartAsync();
        await HttpLab.SayAsync(lab.Client, lines);
        await lab.TimeAsync(TimeSpan.FromMilliseconds(20)); // so that they come by themselves
        await HttpLab.SayAsync(lab.Client, request);
        if (!request.EndsWith("\r\n\r\n", StringComparison.Ordinal)) await HttpLab.SayAsync(lab.Client, " /a HTTP/1.1\r\nhost: x\r\n\r\n");
        await HttpLab.ExpectAsync(lab.Server, "GET /a HTTP/1.1\r\nhost: x\r\n\r\n");
    }

    [Fact]
    public async Task AnEmptyLineAfterARequestIsNotTheBeginningOfTheNext()
    {
        await using HttpLab lab = await StartAsync(options: new HttpOptions { HeadTimeout = TimeSpan.FromMilliseconds(100) });
        await lab.ExchangeAsync();
        await SayAsync(lab.Client, "\r\n");
        await lab.TimeAsync(TimeSpan.FromMilliseconds(300));
        await lab.ExchangeAsync();
    }

    [Theory]
    [InlineData("content-length: 10", "abc")]
    [InlineData("transfer-encoding: chunked", "3\r\nabc\r\n")]
    public async Task AnAnswerThatIsNotWholeIsSeenAsAReset(string framing, string begun)
    {
        await using HttpLab lab = await StartAsync();
        await SayAsync(lab.Client, "GET / HTTP/1.1\r\nhost: x\r\n\r\n");
        await ExpectAsync(lab.Server, "GET / HTTP/1.1\r\nhost: x\r\n\r\n");
        await SayAsync(lab.Server, $"HTTP/1.1 200 OK\r\n{framing}\r\n\r\n{begun}");
        await ExpectAsync(lab.Client, $"HTTP/1.1 200 OK\r\n{framing}\r\n\r\n{begun}");
        await lab.Server.FinishAsync();
        await lab.Client.AssertResetAsync();
    }

    [Fact]
    public async Task AnAnswerWithAChunkThatIsNoneIsSeenAsAReset()
    {
        await using HttpLab lab = await StartAsync();
        await SayAsync(lab.Client, "GET / HTTP/1.1\r\nhost: x\r\n\r\n");
        await SayAsync(lab.Server, "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nxyz\r\n");
        await lab.Client.AssertResetAsync();
        Assert.Equal(ProxyFailure.ProtocolError, await lab.EndAsync());
    }

    [Theory]
    [MemberData(nameof(Pairs))]
    public async Task AClientThatGoesAwayTakesItsRequestWithIt(TransportKind client, TransportKind server)
    {
        await using HttpLab lab = await StartAsync(client, server);
        await SayAsync(lab.Client, "GET / HTTP/1.1\r\nhost: x\r\n\r\n");
        await ExpectAsync(lab.Server, "GET / HTTP/1.1\r\nhost: x\r\n\r\n");
        await lab.Client.ResetAsync();
        await lab.Server.AssertResetAsync();
        await lab.EndAsync();
        Assert.Equal([(0, null)], lab.Mesh.Requests);
    }

    [Fact]
    public async Task AClientThatDoesNotEndAfterTheLastAnswerIsClosedInTheEnd()
    {
        await using HttpLab lab = await StartAsync(options: new HttpOptions { LingerTime = TimeSpan.FromMilliseconds(100) });
        await SayAsync(lab.Client, "GET\n");
        await lab.AssertAnsweredAsync(400, ProxyError.Request);
        Assert.Equal(ProxyFailure.None, await lab.EndAsync());
        Assert.True(lab.Relay.IsEnded);
    }

    [Fact]
    public async Task ASlowClientSlowsTheServer()
    {
        await using HttpLab lab = await StartAsync();
        await SayAsync(lab.Client, "GET / HTTP/1.1\r\nhost: x\r\n\r\n");
        await ExpectAsync(lab.Server, "GET / HTTP/1.1\r\nhost: x\r\n\r\n");
        const int Length = 64 << 20;
        await SayAsync(lab.Server, $"HTTP/1.1 200 OK\r\ncontent-length: {Length}\r\n\r\n");
        Task<bool> sending = lab.Server.SendAsync(new byte[Length], finish: false);
        Assert.InRange(await SocketExtensions.StalledAtAsync(() => lab.Server.Sent), 1, Length - 1);
        Assert.NotNull(await lab.Client.ReceiveAsync(Length));
        await sending;
    }
}
