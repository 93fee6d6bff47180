using System.Text;
using Culvert.Http2;
using Culvert.NodeAgent.Proxy.Model;
using Culvert.NodeAgent.Tests.Proxy.Transport;

namespace Culvert.NodeAgent.Tests.Proxy.Http;

/// <summary>HTTP/2 on both sides: each request by a stream of either connection.</summary>
public sealed class Http2RelayTests
{
    [Theory]
    [MemberData(nameof(HttpLab.Pairs), MemberType = typeof(HttpLab))]
    public async Task ARequestAndItsAnswerPass(TransportKind client, TransportKind server)
    {
        await using Http2Lab lab = await Http2Lab.StartAsync(client, server);
        await lab.ExchangeAsync();
        await lab.ExchangeAsync();
        Assert.Equal([(200, null), (200, null)], lab.Mesh.Requests);
    }

    [Theory]
    [MemberData(nameof(HttpLab.Pairs), MemberType = typeof(HttpLab))]
    public async Task BothSidesStreamAtOnceAndTrailersAreKept(TransportKind client, TransportKind server)
    {
        await using Http2Lab lab = await Http2Lab.StartAsync(client, server);
        (FarStream asking, FarStream answering) = await lab.AskAsync(Http2Lab.Grpc, end: false);
        await answering.SayAsync(":status 200\ncontent-type application/grpc", end: false);
        await asking.ExpectAsync(":status 200\ncontent-type application/grpc");
        await asking.SendAsync("one", end: false);
        await answering.SendAsync("uno", end: false);
        await asking.SendAsync("two", end: true);
        await answering.ExpectAsync("onetwo", "(end)");
        await answering.SendAsync("due", end: false);
        await answering.SayAsync("grpc-status 0", end: true);
        await asking.ExpectAsync("unodue", "grpc-status 0\n(end)");
    }

    [Fact]
    public async Task TrailersOfARequestAreKeptToo()
    {
        await using Http2Lab lab = await Http2Lab.StartAsync();
        (FarStream client, FarStream server) = await lab.AskAsync(Http2Lab.Post, end: false);
        await client.SendAsync("abc", end: false);
        await client.SayAsync("sum 1", end: true);
        await server.ExpectAsync("abc", "sum 1\n(end)");
    }

    [Theory]
    [InlineData("HTTP/1.1 400 Bad Request\r\nconnection: close\r\n\r\n")]
    [InlineData("")]
    public async Task AServerThatDoesNotSpeakHttp2IsAnsweredForWhenTheNextRequestComes(string said)
    {
        await using Http2Lab lab = await Http2Lab.StartAsync(isServerRaw: true);
        await lab.RawServer.SendAsync(Encoding.Latin1.GetBytes(said), finish: true);
        Assert.NotNull(await lab.RawServer.ReceiveAsync(1 << 20)); // up to the proxy's end
        FarStream client = await lab.Client.AskAsync(Http2Lab.Get, end: true);
        string answer = await client.NextAsync();
        Assert.StartsWith(":status 502\n", answer, StringComparison.Ordinal);
        Assert.Contains("the server does not speak HTTP/2", answer, StringComparison.Ordinal);
        await SocketExtensions.EventuallyAsync(lab.Client.IsDrainingAsync);
    }

    [Fact]
    public async Task RequestsUnderWayAreAnsweredForAServerThatDoesNotSpeakHttp2()
    {
        await using Http2Lab lab = await Http2Lab.StartAsync(isServerRaw: true);
        FarStream client = await lab.Client.AskAsync(Http2Lab.Grpc, end: false);
        await lab.RawServer.SendAsync("HTTP/1.1 400 Bad Request\r\nconnection: close\r\n\r\n"u8.ToArray(), finish: true);
        Assert.Contains("grpc-status 14", await client.NextAsync(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task InterimResponsesPass()
    {
        await using Http2Lab lab = await Http2Lab.StartAsync();
        (FarStream client, FarStream server) = await lab.AskAsync(Http2Lab.Post, end: false);
        await server.SayAsync(":status 103\nlink </x>", end: false);
        await server.SayAsync(":status 204", end: true);
        await client.ExpectAsync(":status 103\nlink </x>", ":status 204\n(end)");
        await client.SendAsync("", end: true);
        await server.ExpectAsync("(end)");
    }

    [Fact]
    public async Task RequestsGoSideBySide()
    {
        await using Http2Lab lab = await Http2Lab.StartAsync();
        (FarStream client, FarStream server) first = await lab.AskAsync(Http2Lab.Get, end: true), second = await lab.AskAsync(Http2Lab.Post, end: true);
        await second.server.SayAsync(":status 201", end: true);
        await second.client.ExpectAsync(":status 201\n(end)");
        await first.server.SayAsync(Http2Lab.Ok, end: true);
        await first.client.ExpectAsync($"{Http2Lab.Ok}\n(end)");
    }

    [Theory]
    [MemberData(nameof(HttpLab.Pairs), MemberType = typeof(HttpLab))]
    public async Task ASlowReaderSlowsItsSenderAndNobodyElse(TransportKind client, TransportKind server)
    {
        await using Http2Lab lab = await Http2Lab.StartAsync(client, server);
        (FarStream asking, FarStream answering) = await lab.AskAsync(Http2Lab.Get, end: true);
        asking.TakesData = false;
        await answering.SayAsync(Http2Lab.Ok, end: false);
        byte[] piece = Encoding.Latin1.GetBytes(new string('x', 64 << 10));
        long sent = 0;
        for (int idle = 0; idle < 20; idle++)
        {
            int went = await answering.SendAsync(piece, end: false);
            sent += went;
            if (went > 0) idle = 0;
            await lab.ExchangeAsync();
        }

        // Its own window, which nobody gives back, and what the relay takes ahead.
        Assert.InRange(sent, 1, 24L << 20);
        Assert.InRange(asking.Received, 1, sent);
    }

    [Fact]
    public async Task RequestsBeyondWhatTheServerTakesWaitForTheirTurn()
    {
        await using Http2Lab lab = await Http2Lab.StartAsync(ofServer: new Http2Options { MaxConcurrentStreams = 2 });
        await lab.ExchangeAsync(); // its settings are known now
        (FarStream client, FarStream server) first = await lab.AskAsync(Http2Lab.Get, end: true), second = await lab.AskAsync(Http2Lab.Get, end: true);
        FarStream third = await lab.Client.AskAsync(Http2Lab.Post, end: false), fourth = await lab.Client.AskAsync(Http2Lab.Get, end: true), gone = await lab.Client.AskAsync(Http2Lab.Get, end: true);
        await third.SendAsync("abc", end: true);
        await gone.ResetAsync(Http2ErrorCode.Cancel);
        await first.server.SayAsync(Http2Lab.Ok, end: true);
        FarStream next = await lab.Server.RequestAsync();
        await next.ExpectAsync(Http2Lab.Post, "abc", "(end)");
        await next.SayAsync(":status 201", end: true);
        await third.ExpectAsync(":status 201\n(end)");
        await (await lab.Server.RequestAsync()).SayAsync(":status 202", end: true);
        await fourth.ExpectAsync(":status 202\n(end)");
        await second.server.SayAsync(Http2Lab.Ok, end: true);
        await second.client.ExpectAsync($"{Http2Lab.Ok}\n(end)");
        await lab.ExchangeAsync();
    }

    [Theory]
    [InlineData(Http2ErrorCode.Cancel)]
    [InlineData(Http2ErrorCode.InternalError)]
    public async Task AResetOfTheClientReachesTheServer(Http2ErrorCode code)
    {
        await using Http2Lab lab = await Http2Lab.StartAsync();
        (FarStream client, FarStream server) = await lab.AskAsync(Http2Lab.Post, end: false);
        await client.ResetAsync(code);
        await server.ExpectAsync($"(reset {code})");
        Assert.Equal([(0, null)], lab.Mesh.Requests);
        await lab.ExchangeAsync();
    }

    [Theory]
    [InlineData(Http2ErrorCode.RefusedStream)]
    [InlineData(Http2ErrorCode.EnhanceYourCalm)]
    public async Task AResetOfTheServerReachesTheClient(Http2ErrorCode code)
    {
        await using Http2Lab lab = await Http2Lab.StartAsync();
        (FarStream client, FarStream server) = await lab.AskAsync(Http2Lab.Post, end: false);
        await server.ResetAsync(code);
        await client.ExpectAsync($"(reset {code})");
        await lab.ExchangeAsync();
    }

    [Fact]
    public async Task AnAnswerThatNeedsNoMoreOfItsRequestEndsIt()
    {
        await using Http2Lab lab = await Http2Lab.StartAsync();
        (FarStream client, FarStream server) = await lab.AskAsync(Http2Lab.Post, end: false);
        await server.SayAsync(":status 413", end: true);
        await server.ResetAsync(Http2ErrorCode.NoError);
        await client.ExpectAsync(":status 413\n(end)", "(reset NoError)");
        Assert.Equal([(413, null)], lab.Mesh.Requests);
    }

    [Fact]
    public async Task ConnectIsNotServed()
    {
        await using Http2Lab lab = await Http2Lab.StartAsync();
        FarStream stream = await lab.Client.AskAsync(":method CONNECT\n:authority shop:443", end: false);
        Assert.StartsWith(":status 501\n", await stream.NextAsync(), StringComparison.Ordinal);
        Assert.Equal([(501, "http_request_error")], lab.Mesh.Requests);
        await lab.ExchangeAsync();
    }

    [Theory]
    [MemberData(nameof(HttpLab.Pairs), MemberType = typeof(HttpLab))]
    public async Task AServerThatTakesNoMoreHasItsClientToldWhileRequestsThatRunGoOn(TransportKind client, TransportKind server)
    {
        await using Http2Lab lab = await Http2Lab.StartAsync(client, server);
        (FarStream asking, FarStream answering) = await lab.AskAsync(Http2Lab.Get, end: true);
        await lab.Server.DrainAsync();
        while (!await lab.Client.IsDrainingAsync()) await Task.Yield();
        await answering.SayAsync(Http2Lab.Ok, end: true);
        await asking.ExpectAsync($"{Http2Lab.Ok}\n(end)");
        Assert.Equal(ProxyFailure.None, await lab.EndAsync());
        await lab.Client.Running;
    }

    [Theory]
    [MemberData(nameof(HttpLab.Pairs), MemberType = typeof(HttpLab))]
    public async Task AServerThatGoesAwayIsAnsweredFor(TransportKind client, TransportKind server)
    {
        await using Http2Lab lab = await Http2Lab.StartAsync(client, server);
        (FarStream Client, FarStream Server) plain = await lab.AskAsync(Http2Lab.Get, end: true), grpc = await lab.AskAsync(Http2Lab.Grpc, end: false), begun = await lab.AskAsync(Http2Lab.Get, end: true);
        await begun.Server.SayAsync(Http2Lab.Ok, end: false);
        await begun.Client.ExpectAsync(Http2Lab.Ok);
        await lab.Server.CloseAsync();
        string answer = await plain.Client.NextAsync(), status = await grpc.Client.NextAsync();
        Assert.StartsWith(":status 502\n", answer, StringComparison.Ordinal);
        Assert.EndsWith("\nproxy-status culvert; error=connection_terminated; details=\"the connection to the server broke before it had answered\"\n(end)", answer, StringComparison.Ordinal);
        Assert.StartsWith(":status 200\ncontent-type application/grpc\ngrpc-status 14\ngrpc-message the connection", status, StringComparison.Ordinal);
        Assert.StartsWith("(reset ", await begun.Client.NextAsync(), StringComparison.Ordinal);
        await lab.EndAsync();
        Assert.Equal(3, lab.Mesh.Requests.Count);
    }

    [Theory]
    [MemberData(nameof(HttpLab.Pairs), MemberType = typeof(HttpLab))]
    public async Task AClientThatGoesAwayTakesItsRequestsWithIt(TransportKind client, TransportKind server)
    {
        await using Http2Lab lab = await Http2Lab.StartAsync(client, server);
        (_, FarStream answering) = await lab.AskAsync(Http2Lab.Post, end: false);
        await lab.Client.CloseAsync();
        await answering.ExpectAsync("(reset Cancel)");
        await lab.EndAsync();
        await lab.Server.Running;
    }

    [Fact]
    public async Task AnAbortEndsBothSides()
    {
        await using Http2Lab lab = await Http2Lab.StartAsync();
        (FarStream client, FarStream server) = await lab.AskAsync(Http2Lab.Post, end: false);
        await lab.AbortAsync(ProxyFailure.PolicyChanged);
        await client.ExpectAsync("(broken)");
        await server.ExpectAsync("(broken)");
        Assert.Equal(ProxyFailure.PolicyChanged, await lab.EndAsync());
    }

    [Theory]
    [MemberData(nameof(HttpLab.Pairs), MemberType = typeof(HttpLab))]
    public async Task AClientMayBeginWithThePrefaceAtAPortOfHttp1(TransportKind client, TransportKind server)
    {
        await using Http2Lab lab = await Http2Lab.StartAsync(client, server, isPortOfHttp1: true);
        for (int i = 0; i < 3; i++) await lab.ExchangeAsync();
        Assert.Equal(3, lab.Mesh.Requests.Count(r => r.Status == 200));
        await lab.Client.CloseAsync();
        Assert.Equal(ProxyFailure.None, await lab.EndAsync());
    }

    [Fact]
    public async Task ThePrefaceMayComeInPieces()
    {
        await using Http2Lab lab = await Http2Lab.StartAsync(isClientRaw: true, isPortOfHttp1: true);
        foreach (byte octet in Http2Connection.Preface.ToArray()) await lab.RawClient.SendAsync([octet], finish: false);
        await lab.RawClient.SendAsync(Frame(4, 0, 0), finish: false);
        Assert.Equal(4, Assert.IsType<byte[]>(await lab.RawClient.ReceiveAsync(9))[3]); // settings
    }

    [Fact]
    public async Task AClientOfHttp1AtAPortOfHttp2IsTurnedAwayForWhatItSpeaks()
    {
        await using Http2Lab lab = await Http2Lab.StartAsync(isClientRaw: true);
        await lab.RawClient.SendAsync("GET / HTTP/1.1\r\nhost: shop\r\n\r\n"u8.ToArray(), finish: true);
        Assert.Equal(ProxyFailure.ProtocolError, await lab.EndAsync());
    }

    [Fact]
    public async Task OneConnectionServesManyRequests()
    {
        await using Http2Lab lab = await Http2Lab.StartAsync();
        for (int i = 0; i < 300; i++) await lab.ExchangeAsync();
        Assert.Equal(300, lab.Mesh.Requests.Count(r => r.Status == 200));
    }

    [Fact]
    public async Task AClientThatReceivesNothingIsCutOffBeforeItsAnswersFillMemory()
    {
        await using Http2Lab lab = await Http2Lab.StartAsync(isClientRaw: true);
        await lab.RawClient.SendAsync([.. Http2Connection.Preface, .. Frame(4, 0, 0)], finish: false);
        await lab.RawClient.ReceiveAsync(1); // the proxy's settings have come, which have to be acknowledged in time
        await lab.RawClient.SendAsync(Frame(4, 1, 0), finish: false);
        byte[] fields = [0, 7, .. ":method"u8, 7, .. "CONNECT"u8, 0, 10, .. ":authority"u8, 3, .. "x:1"u8];
        bool isCutOff = false;
        for (int id = 1; id < 4_000_000 && !isCutOff; id += 2_000)
        {
            byte[] requests = [.. Enumerable.Range(0, 1_000).SelectMany(i => Frame(1, 5, id + (2 * i), fields))];
            isCutOff = !await lab.RawClient.TrySendAsync(requests);
        }

        Assert.True(isCutOff);
        Assert.Equal(ProxyFailure.Overload, await lab.EndAsync());
    }

    [Fact]
    public async Task InterimResponsesWithoutEndAreRefused()
    {
        await using Http2Lab lab = await Http2Lab.StartAsync();
        (FarStream client, FarStream server) = await lab.AskAsync(Http2Lab.Get, end: true);
        for (int i = 0; i < 33; i++) await server.SayAsync(":status 103", end: false);
        string said;
        while ((said = await client.NextAsync()) == ":status 103")
        {
            // up to the limit
        }

        Assert.StartsWith(":status 502\n", said, StringComparison.Ordinal);
        await server.ExpectAsync("(reset Cancel)");
    }

    [Fact]
    public async Task HeadsThatWaitAreBounded()
    {
        await using Http2Lab lab = await Http2Lab.StartAsync(ofServer: new Http2Options { MaxConcurrentStreams = 1 });
        await lab.ExchangeAsync();
        (FarStream client, FarStream server) = await lab.AskAsync(Http2Lab.Get, end: true);
        List<FarStream> waiting = [];
        string large = $"{Http2Lab.Get}\nlarge {new string('x', 15_000)}";
        for (int i = 0; i < 80; i++) waiting.Add(await lab.Client.AskAsync(large, end: true));
        foreach (FarStream refused in waiting[75..]) await refused.ExpectAsync("(reset RefusedStream)");
        foreach (FarStream given in waiting[..60]) await given.ResetAsync(Http2ErrorCode.Cancel);
        FarStream next = await lab.Client.AskAsync(large, end: true); // there is room again
        await server.SayAsync(Http2Lab.Ok, end: true);
        await client.ExpectAsync($"{Http2Lab.Ok}\n(end)");
        for (int left = 68 - 60 + 1; left > 0; left--) await (await lab.Server.RequestAsync()).SayAsync(":status 204", end: true);
        await next.ExpectAsync(":status 204\n(end)");
    }

    private static byte[] Frame(byte type, byte flags, int stream, params byte[] payload) =>
        [0, (byte)(payload.Length >> 8), (byte)payload.Length, type, flags, (byte)(stream >> 24), (byte)(stream >> 16), (byte)(stream >> 8), (byte)stream, .. payload];
}
