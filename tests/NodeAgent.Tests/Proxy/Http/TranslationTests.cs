using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Text;
using Culvert.Core;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;

namespace Culvert.NodeAgent.Tests.Proxy.Http;

/// <summary>Requests whose client and server speak different versions of HTTP (RFC 9113, section 8; RFC 9110, sections 7.6 and 7.8).</summary>
public sealed class TranslationTests
{
    public static TheoryData<HttpProtocols, HttpProtocols> Crossings => new()
    {
        { HttpProtocols.Http1, HttpProtocols.Http2 },
        { HttpProtocols.Http2, HttpProtocols.Http1 },
    };

    [Fact]
    public async Task BodiesPassWholeInBothDirectionsAtOnceFromAClientOfHttp1()
    {
        await using RoutingLab lab = await EchoAsync(HttpProtocols.Http1, HttpProtocols.Http2);
        foreach (int size in (int[])[0, 1, 16 * 1024, 20_000_000])
        {
            // The client of .NET sends all before it receives anything.
            byte[] body = RandomNumberGenerator.GetBytes(size);
            using Socket client = await lab.Pair.ConnectClientAsync();
            Task sent = client.SendAllAsync(Encoding.ASCII.GetBytes($"POST /echo HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: {size}\r\n\r\n").Concat(body).ToArray());
            string head = await HeadAsync(client);
            Assert.StartsWith("HTTP/1.1 200 OK\r\n", head, StringComparison.Ordinal);
            Assert.Equal(SHA256.HashData(body), SHA256.HashData(await client.ReceiveExactlyAsync(size)));
            await sent;
            Assert.Equal(0, await client.ReceiveToEndAsync());
        }
    }

    [Fact]
    public async Task BodiesPassWholeInBothDirectionsAtOnceFromAClientOfHttp2()
    {
        await using RoutingLab lab = await EchoAsync(HttpProtocols.Http2, HttpProtocols.Http1);
        foreach (int size in (int[])[0, 1, 100, 16 * 1024, 16 * 1024 + 1, 1_000_000, 20_000_000])
        {
            byte[] body = RandomNumberGenerator.GetBytes(size);
            foreach (bool inChunks in (bool[])[false, true])
            {
                using HttpRequestMessage request = lab.Request(HttpMethod.Post, "/echo");
                request.Content = inChunks ? new UnsizedBody(body) : new Sized(body);
                using HttpResponseMessage response = await lab.Client.SendAsync(request);
                Assert.Equal(SHA256.HashData(body), SHA256.HashData(await response.Content.ReadAsByteArrayAsync()));
            }
        }
    }

    [Theory]
    [MemberData(nameof(Crossings))]
    public async Task ManyRequestsAtOnceAreEachAnsweredWithTheirOwn(HttpProtocols client, HttpProtocols servers)
    {
        await using RoutingLab lab = await EchoAsync(client, servers);
        await Task.WhenAll(Enumerable.Range(0, 100).Select(async i =>
        {
            for (int j = 0; j < 10; j++)
            {
                using HttpRequestMessage request = lab.Request(HttpMethod.Put, "/echo");
                byte[] body = Encoding.ASCII.GetBytes(new string((char)('a' + (i % 26)), (i * 1000) + j));
                request.Content = j % 2 == 0 ? new UnsizedBody(body) : new ByteArrayContent(body);
                using HttpResponseMessage response = await lab.Client.SendAsync(request);
                Assert.Equal(body, await response.Content.ReadAsByteArrayAsync());
            }
        }));
    }

    [Theory]
    [MemberData(nameof(Crossings))]
    public async Task FieldsAndTrailersPassBothWays(HttpProtocols client, HttpProtocols servers)
    {
        await using RoutingLab lab = new(client, servers);
        await lab.AddServerAsync("web", async context =>
        {
            await new StreamReader(context.Request.Body).ReadToEndAsync();
            context.Response.Headers["x-cookie"] = context.Request.Headers.Cookie.ToString();
            context.Response.Headers["x-host"] = context.Request.Host.ToString();
            context.Response.Headers.SetCookie = new(["a=1", "b=2"]);
            await context.Response.WriteAsync("body");
            if (context.Response.SupportsTrailers()) context.Response.AppendTrailer("x-of-response", "last"); // Kestrel has none by HTTP/1.1
        });
        lab.Route(RoutingLab.Below("/", ("web", 1)));
        using HttpRequestMessage request = lab.Request(HttpMethod.Post, "/");
        request.Headers.Add("cookie", "c=1; d=2");
        request.Headers.TE.ParseAdd("trailers");
        request.Content = new UnsizedBody("x"u8.ToArray());
        using HttpResponseMessage response = await lab.Client.SendAsync(request);
        Assert.Equal((200, ""), RoutingLab.Of(response));
        Assert.Equal("body", await response.Content.ReadAsStringAsync());
        Assert.Equal("c=1; d=2", response.Headers.GetValues("x-cookie").Single());
        Assert.Equal("shop", response.Headers.GetValues("x-host").Single());
        Assert.Equal(["a=1", "b=2"], response.Headers.GetValues("set-cookie"));
        if (servers == HttpProtocols.Http2) Assert.Equal("last", response.TrailingHeaders.GetValues("x-of-response").Single());
    }

    [Theory]
    [MemberData(nameof(Crossings))]
    public async Task WhatHasNoBodyIsNotWaitedFor(HttpProtocols client, HttpProtocols servers)
    {
        await using RoutingLab lab = new(client, servers);
        await lab.AddServerAsync("web", context =>
        {
            context.Response.StatusCode = context.Request.Path == "/none" ? 204 : context.Request.Path == "/not" ? 304 : 200;
            if (context.Request.Path == "/length") context.Response.ContentLength = 7;
            return Task.CompletedTask;
        });
        lab.Route(RoutingLab.Below("/", ("web", 1)));
        foreach ((HttpMethod method, string path) in ((HttpMethod, string)[])[(HttpMethod.Get, "/none"), (HttpMethod.Get, "/not"), (HttpMethod.Get, "/empty"), (HttpMethod.Head, "/length"), (HttpMethod.Head, "/empty"), (HttpMethod.Post, "/empty"), (HttpMethod.Delete, "/empty")])
        {
            using HttpRequestMessage request = lab.Request(method, path);
            using HttpResponseMessage response = await lab.Client.SendAsync(request).WaitAsync(TimeSpan.FromSeconds(10));
            Assert.Equal(path == "/length" ? 7 : path == "/empty" && method != HttpMethod.Head ? 0 : response.Content.Headers.ContentLength, response.Content.Headers.ContentLength);
            Assert.Empty(await response.Content.ReadAsByteArrayAsync());
        }
    }

    [Fact]
    public async Task WhatTheServerSaysWhileTheRequestStillComesArrives()
    {
        await using RoutingLab lab = new(HttpProtocols.Http2, HttpProtocols.Http1);
        await lab.AddServerAsync("web", async context =>
        {
            await context.Response.WriteAsync("first ");
            await context.Response.Body.FlushAsync();
            await context.Response.WriteAsync(await new StreamReader(context.Request.Body).ReadToEndAsync());
        });
        lab.Route(RoutingLab.Below("/", ("web", 1)));
        TaskCompletionSource begun = new();
        using HttpRequestMessage request = lab.Request(HttpMethod.Post, "/");
        request.Content = new UnsizedBody("last"u8.ToArray(), begun.Task);
        using HttpResponseMessage response = await lab.Client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead).WaitAsync(TimeSpan.FromSeconds(10));
        await using Stream body = await response.Content.ReadAsStreamAsync();
        byte[] first = new byte[6];
        await body.ReadExactlyAsync(first).AsTask().WaitAsync(TimeSpan.FromSeconds(10));
        begun.SetResult();
        Assert.Equal("first last", Encoding.ASCII.GetString(first) + await new StreamReader(body).ReadToEndAsync());
    }

    [Theory]
    [MemberData(nameof(Crossings))]
    public async Task ABodyThatIsCutOffIsNotTakenForAWholeOne(HttpProtocols client, HttpProtocols servers)
    {
        await using RoutingLab lab = new(client, servers);
        TaskCompletionSource seen = new();
        await lab.AddServerAsync("web", async context =>
        {
            await context.Response.WriteAsync("some");
            await context.Response.Body.FlushAsync();
            await seen.Task;
            if (context.Features.Get<IHttpResetFeature>() is { } resets) resets.Reset(2); // INTERNAL_ERROR
            else context.Abort();
        });
        lab.Route(RoutingLab.Below("/", ("web", 1)));
        using HttpRequestMessage request = lab.Request(HttpMethod.Get, "/");
        using HttpResponseMessage response = await lab.Client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead);
        seen.SetResult();
        await Assert.ThrowsAnyAsync<HttpRequestException>(() => response.Content.ReadAsStringAsync());
    }

    [Fact]
    public async Task ARequestThatItsClientGivesUpIsGivenUpAtTheServer()
    {
        await using RoutingLab lab = new(HttpProtocols.Http2, HttpProtocols.Http1);
        TaskCompletionSource came = new(), gone = new();
        await lab.AddServerAsync("web", async context =>
        {
            context.RequestAborted.Register(gone.SetResult);
            came.SetResult();
            await Task.Delay(Timeout.Infinite, context.RequestAborted);
        });
        lab.Route(RoutingLab.Below("/", ("web", 1)));
        using CancellationTokenSource stop = new();
        using HttpRequestMessage request = lab.Request(HttpMethod.Get, "/");
        Task asked = lab.Client.SendAsync(request, stop.Token);
        await came.Task.WaitAsync(TimeSpan.FromSeconds(10));
        await stop.CancelAsync();
        await gone.Task.WaitAsync(TimeSpan.FromSeconds(10));
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => asked);
    }

    [Fact]
    public async Task AServerOfHttp1GetsOneHostOneLengthAndOneCookie()
    {
        await using RoutingLab lab = new(HttpProtocols.Http2, HttpProtocols.Http1);
        using Socket listener = lab.Pair.Listen();
        lab.AddBackend("raw", ((IPEndPoint)listener.LocalEndPoint!).Port);
        lab.Route(RoutingLab.Below("/", ("raw", 1)));
        using HttpRequestMessage request = lab.Request(HttpMethod.Post, "/a?b");
        request.Headers.Host = "other";
        request.Headers.Add("cookie", ["a=1", "b=2"]);
        request.Headers.ExpectContinue = true;
        request.Content = new StringContent("body");
        Task<HttpResponseMessage> asked = lab.Client.SendAsync(request);
        using Socket server = await listener.AcceptAsync().WaitAsync(TimeSpan.FromSeconds(10));
        string head = await HeadAsync(server);
        Assert.StartsWith("POST /a?b HTTP/1.1\r\nhost: other\r\n", head, StringComparison.Ordinal);
        Assert.Contains("\r\ncontent-length: 4\r\n", head, StringComparison.Ordinal);
        Assert.Contains("\r\nexpect: 100-continue\r\n", head, StringComparison.Ordinal);
        Assert.Matches("\r\ncookie: a=1(; |, )b=2\r\n", head);
        Assert.DoesNotContain(":scheme", head, StringComparison.Ordinal);
        await server.SendAllAsync("HTTP/1.1 100 Continue\r\n\r\n"u8.ToArray());
        Assert.Equal("body", Encoding.ASCII.GetString(await server.ReceiveExactlyAsync(4)));
        await server.SendAllAsync("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nx-last: yes\r\n\r\n"u8.ToArray());
        using HttpResponseMessage response = await asked;
        Assert.Equal("ok", await response.Content.ReadAsStringAsync());
        Assert.Equal("yes", response.TrailingHeaders.GetValues("x-last").Single());
    }

    [Theory]
    [InlineData("HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\n\r\n")]
    [InlineData("HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nok")]
    [InlineData("garbage\r\n\r\n")]
    [InlineData("")]
    public async Task AServerOfHttp1ThatIsWrongIsAnsweredFor(string said)
    {
        await using RoutingLab lab = new(HttpProtocols.Http2, HttpProtocols.Http1);
        using Socket listener = lab.Pair.Listen();
        lab.AddBackend("raw", ((IPEndPoint)listener.LocalEndPoint!).Port);
        lab.Route(RoutingLab.Below("/", ("raw", 1)));
        Task<HttpResponseMessage> asked = lab.Client.GetAsync(new Uri("/", UriKind.Relative));
        using Socket server = await listener.AcceptAsync().WaitAsync(TimeSpan.FromSeconds(10));
        await HeadAsync(server);
        if (said.Length > 0) await server.SendAllAsync(Encoding.ASCII.GetBytes(said));
        server.Shutdown(SocketShutdown.Send);
        using HttpResponseMessage response = await asked.WaitAsync(TimeSpan.FromSeconds(10));
        Assert.Equal(502, RoutingLab.Of(response).Status);
    }

    [Fact]
    public async Task AClientOfHttp10IsAnsweredInItsOwnWay()
    {
        await using RoutingLab lab = new(HttpProtocols.Http1, HttpProtocols.Http2);
        await lab.AddServerAsync("web", async context =>
        {
            await context.Response.WriteAsync("no ");
            await context.Response.Body.FlushAsync();
            await context.Response.WriteAsync("length");
        });
        lab.Route(RoutingLab.Below("/", ("web", 1)));
        using Socket client = await lab.Pair.ConnectClientAsync();
        await client.SendAllAsync("GET / HTTP/1.0\r\nhost: x\r\nconnection: keep-alive\r\n\r\n"u8.ToArray());
        string answer = await RestAsync(client);
        Assert.DoesNotContain("transfer-encoding", answer, StringComparison.Ordinal);
        Assert.EndsWith("\r\nconnection: close\r\n\r\nno length", answer, StringComparison.Ordinal);
    }

    [Fact]
    public async Task AnUpgradeIsNotPassedToAServerOfHttp2()
    {
        await using RoutingLab lab = new(HttpProtocols.Http1, HttpProtocols.Http2);
        await lab.AddServerAsync("web");
        lab.Route(RoutingLab.Below("/", ("web", 1)));
        using HttpRequestMessage request = lab.Request(HttpMethod.Get, "/");
        request.Headers.Upgrade.ParseAdd("websocket");
        request.Headers.Connection.Add("upgrade");
        using HttpResponseMessage response = await lab.Client.SendAsync(request);
        Assert.Equal("web GET shop /", await response.Content.ReadAsStringAsync());
    }

    [Fact]
    public async Task AnAnswerThatWaitsForItsClientEndsAndTheNextRequestIsServed()
    {
        await using RoutingLab lab = new(HttpProtocols.Http1, HttpProtocols.Http2);
        await lab.AddServerAsync("web", async context =>
        {
            for (int i = 0; i < 40; i++) await context.Response.Body.WriteAsync(new byte[100_000]);
            await context.Response.WriteAsync("end");
        });
        lab.Route(RoutingLab.Below("/", ("web", 1)));
        using Socket client = await lab.Pair.ConnectClientAsync();
        foreach (string connection in (string[])["keep-alive", "close"])
        {
            await client.SendAllAsync(Encoding.ASCII.GetBytes($"GET / HTTP/1.1\r\nhost: x\r\nconnection: {connection}\r\n\r\n"));
            await Task.Delay(300); // what has come fills all that is between
            string last = "";
            byte[] room = new byte[100_000];
            while (!last.EndsWith("end\r\n0\r\n\r\n", StringComparison.Ordinal))
            {
                int received = await client.ReceiveAsync(room).WaitAsync(TimeSpan.FromSeconds(10));
                Assert.NotEqual(0, received);
                last += Encoding.Latin1.GetString(room, 0, received);
                last = last[Math.Max(0, last.Length - 30)..];
            }
        }
    }

    [Theory]
    [InlineData("HEAD", 200)]
    [InlineData("GET", 204)]
    [InlineData("GET", 304)]
    public async Task WhatHasNoBodyIsNotFramedWhereItsEndComesLater(string method, int status)
    {
        await using RoutingLab lab = new(HttpProtocols.Http1, HttpProtocols.Http2);
        await lab.AddServerAsync("web", async context =>
        {
            context.Response.StatusCode = status;
            await context.Response.Body.FlushAsync(); // the head goes without the end
            await Task.Delay(50);
        });
        lab.Route(RoutingLab.Below("/", ("web", 1)));
        using Socket client = await lab.Pair.ConnectClientAsync();
        await client.SendAllAsync(Encoding.ASCII.GetBytes($"{method} / HTTP/1.1\r\nhost: x\r\n\r\n{method} / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n"));
        string answers = await RestAsync(client);
        Assert.Equal(2, answers.Split($"HTTP/1.1 {status} ").Length - 1);
        Assert.DoesNotContain("chunked", answers, StringComparison.Ordinal);
        Assert.EndsWith("\r\n\r\n", answers, StringComparison.Ordinal);
        Assert.DoesNotContain("\r\n0\r\n", answers, StringComparison.Ordinal);
    }

    [Fact]
    public async Task AnAnswerBeforeTheRequestIsWholeEndsTheRequest()
    {
        await using RoutingLab lab = new(HttpProtocols.Http2, HttpProtocols.Http1);
        using Socket listener = lab.Pair.Listen();
        lab.AddBackend("raw", ((IPEndPoint)listener.LocalEndPoint!).Port);
        lab.Route(RoutingLab.Below("/", ("raw", 1)));
        for (int i = 0; i < 3; i++)
        {
            using HttpRequestMessage request = lab.Request(HttpMethod.Post, "/");
            request.Content = new UnsizedBody("x"u8.ToArray(), new TaskCompletionSource().Task);
            Task<HttpResponseMessage> asked = lab.Client.SendAsync(request);
            using Socket server = await listener.AcceptAsync().WaitAsync(TimeSpan.FromSeconds(10));
            await HeadAsync(server);
            await server.SendAllAsync("HTTP/1.1 413 Too Large\r\ncontent-length: 2\r\n\r\nno"u8.ToArray());
            using HttpResponseMessage response = await asked.WaitAsync(TimeSpan.FromSeconds(10));
            Assert.Equal((413, "no"), ((int)response.StatusCode, await response.Content.ReadAsStringAsync()));
        }

        Assert.Empty(lab.Pair.Source.Faults);
    }

    [Fact]
    public async Task ABodyThatItsServerDoesNotTakeIsAnsweredFor()
    {
        await using RoutingLab lab = new(HttpProtocols.Http2, HttpProtocols.Http1);
        using Socket listener = lab.Pair.Listen();
        lab.AddBackend("raw", ((IPEndPoint)listener.LocalEndPoint!).Port);
        lab.Route(RoutingLab.Below("/", ("raw", 1)));
        using CancellationTokenSource stop = new();
        Task resetting = Task.Run(async () =>
        {
            while (true)
            {
                using Socket server = await listener.AcceptAsync(stop.Token);
                server.LingerState = new LingerOption(true, 0); // a reset
            }
        });
        for (int i = 0; i < 20; i++)
        {
            using HttpRequestMessage request = lab.Request(HttpMethod.Post, "/");
            request.Content = new ByteArrayContent(new byte[1_000_000]);
            using HttpResponseMessage response = await lab.Client.SendAsync(request).WaitAsync(TimeSpan.FromSeconds(10));
            Assert.InRange((int)response.StatusCode, 502, 503);
        }

        Assert.Empty(lab.Pair.Source.Faults);
        await stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => resetting);
    }

    [Theory]
    [InlineData("GET / HTTP/1.1\r\nhost: x\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n", "400")]
    [InlineData("POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n", "400")]
    public async Task WhatIsRefusedIsRefusedWhereverItGoes(string request, string status)
    {
        await using RoutingLab lab = new(HttpProtocols.Http1, HttpProtocols.Http2);
        await lab.AddServerAsync("web");
        lab.Route(RoutingLab.Below("/", ("web", 1)));
        using Socket client = await lab.Pair.ConnectClientAsync();
        await client.SendAllAsync(Encoding.ASCII.GetBytes(request));
        Assert.StartsWith($"HTTP/1.1 {status} ", await RestAsync(client), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(HttpProtocols.Http1)]
    [InlineData(HttpProtocols.Http2)]
    public async Task AClientThatBeginsWithHttp2AtAPortOfHttp1IsRouted(HttpProtocols servers)
    {
        await using RoutingLab lab = new(HttpProtocols.Http2, servers, port: "http");
        await lab.AddServerAsync("web");
        lab.Route(RoutingLab.Below("/", ("web", 1)));
        if (servers == HttpProtocols.Http2) Assert.Equal("web GET shop /a", await lab.GetAsync("/a"));
        else Assert.Equal(502, RoutingLab.Of(await lab.Client.GetAsync(new Uri("/a", UriKind.Relative))).Status); // a server gets what the client speaks
    }

    private static async Task<RoutingLab> EchoAsync(HttpProtocols client, HttpProtocols servers)
    {
        RoutingLab lab = new(client, servers);
        await lab.AddServerAsync("web", async context =>
        {
            if (context.Features.Get<IHttpMaxRequestBodySizeFeature>() is { } limit) limit.MaxRequestBodySize = null;
            context.Response.ContentLength = context.Request.ContentLength;
            await context.Request.Body.CopyToAsync(context.Response.Body);
        });
        lab.Route(RoutingLab.Below("/", ("web", 1)));
        return lab;
    }

    private static async Task<string> RestAsync(Socket socket) => await new StreamReader(new NetworkStream(socket), Encoding.ASCII).ReadToEndAsync().WaitAsync(TimeSpan.FromSeconds(20));

    private static async Task<string> HeadAsync(Socket socket)
    {
        StringBuilder head = new();
        while (!head.ToString().EndsWith("\r\n\r\n", StringComparison.Ordinal)) head.Append(Encoding.ASCII.GetString(await socket.ReceiveExactlyAsync(1)));
        return head.ToString();
    }

    // With a length. Of a ByteArrayContent the client would read nothing of the response before all of it is sent, and what is echoed meanwhile may not have room between them.
    private sealed class Sized(byte[] content) : HttpContent
    {
        protected override Task SerializeToStreamAsync(Stream stream, TransportContext? context) => stream.WriteAsync(content).AsTask();

        protected override bool TryComputeLength(out long length)
        {
            length = content.Length;
            return true;
        }
    }
}
