using System.Text;
using Culvert.Http2;
using Culvert.NodeAgent.Proxy.Model;
using Culvert.NodeAgent.Proxy.Transport;

namespace Culvert.NodeAgent.Tests.Proxy.Transport;

/// <summary>HTTP/2 over any transport, on both sides: in plaintext over an application's socket, over TLS, and inside of a stream of another connection.</summary>
public sealed class Http2DriverTests
{
    public static TheoryData<TransportKind> Kinds => [TransportKind.Socket, TransportKind.Tls, TransportKind.Stream];

    [Theory]
    [MemberData(nameof(Kinds))]
    public async Task ARequestAndItsAnswerWithTrailersPass(TransportKind kind)
    {
        await using TransportLab lab = new();
        Http2Server server = new();
        (Http2Driver client, _) = await StartAsync(lab, kind, server);
        byte[] body = FarEnd.Pattern(100_000);
        Http2Exchange exchange = await lab.OnLoopAsync(() => new Http2Exchange(client, Post()));
        await lab.OnLoopAsync(() => exchange.SendAsync(body, ("request-sum", "abc")));
        await exchange.Done.WaitAsync(TimeSpan.FromSeconds(20));
        Assert.Equal([":status=103", ":status=200", "answer-sum=def end"], exchange.Headers);
        Assert.Equal(body, exchange.Body.ToArray());
        Http2Exchange taken = Assert.Single(server.Taken);
        Assert.Equal(["request-sum=abc end"], taken.Headers);
        Assert.Equal(body, taken.Body.ToArray());
        await SocketExtensions.EventuallyAsync(() => lab.OnLoopAsync(() => client.Http2.OpenStreams == 0));
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public async Task AConnectionThatDrainsClosesInGoodOrderOnBothSides(TransportKind kind)
    {
        await using TransportLab lab = new();
        Http2Server requests = new();
        (Http2Driver client, Http2Driver server) = await StartAsync(lab, kind, requests);
        Http2Exchange exchange = await lab.OnLoopAsync(() => new Http2Exchange(client, Post()));
        await SocketExtensions.EventuallyAsync(() => lab.OnLoopAsync(() => requests.Taken.Count == 1));
        await lab.OnLoopAsync(() =>
        {
            server.Drain();
            return true;
        });

        // The stream that runs goes on to its end.
        await lab.OnLoopAsync(() => exchange.SendAsync([1], ("request-sum", "abc")));
        await exchange.Done.WaitAsync(TimeSpan.FromSeconds(20));
        await SocketExtensions.EventuallyAsync(() => lab.OnLoopAsync(() => client.IsClosed && server.IsClosed));
        Assert.Equal((null, null), (client.CloseReason, server.CloseReason));
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public async Task AConnectionThatBreaksResetsItsStreams(TransportKind kind)
    {
        await using TransportLab lab = new();
        (Http2Driver client, Http2Driver server) = await StartAsync(lab, kind, new Http2Server());
        Http2Exchange exchange = await lab.OnLoopAsync(() => new Http2Exchange(client, Post()));
        await SocketExtensions.EventuallyAsync(() => lab.OnLoopAsync(() => server.Http2.OpenStreams == 1));
        await lab.OnLoopAsync(() =>
        {
            server.Close("on purpose", ProxyFailure.ProxyFault);
            return true;
        });
        await Assert.ThrowsAsync<IOException>(() => exchange.Done.WaitAsync(TimeSpan.FromSeconds(20)));
        await SocketExtensions.EventuallyAsync(() => lab.OnLoopAsync(() => client.IsClosed));
    }

    private static Task<(Http2Driver Client, Http2Driver Server)> StartAsync(TransportLab lab, TransportKind kind, Http2Server server) => lab.OnLoopAsync(async () =>
        lab.Drivers(server, kind switch
        {
            TransportKind.Socket => lab.Sockets(),
            TransportKind.Tls => await lab.TlsAsync(),
            TransportKind.Stream => await lab.StreamsAsync(),
            _ => throw new ArgumentOutOfRangeException(nameof(kind), kind, "No such transport is made here."),
        }));

    private static HeaderList Post()
    {
        HeaderList headers = new();
        return headers.Add(":method"u8, "POST"u8).Add(":scheme"u8, "http"u8).Add(":authority"u8, "bob"u8).Add(":path"u8, "/"u8);
    }

    /// <summary>Answers each request with its own body.</summary>
    private sealed class Http2Server : IHttp2Requests<Http2Driver>
    {
        internal List<Http2Exchange> Taken { get; } = [];

        public void OnRequest(Http2Driver connection, Http2Stream stream, HeaderList headers, bool endStream)
        {
            Http2Exchange exchange = new(connection, stream);
            Taken.Add(exchange);
            _ = AnswerAsync(connection, stream, exchange);
        }

        private static async Task AnswerAsync(Http2Driver connection, Http2Stream stream, Http2Exchange exchange)
        {
            connection.Http2.SendHeaders(stream, new HeaderList().AddStatus(103), endStream: false);
            connection.ScheduleFlush();
            try
            {
                await exchange.Done;
            }
            catch (IOException)
            {
                return;
            }

            connection.Http2.SendHeaders(stream, new HeaderList().AddStatus(200), endStream: false);
            await exchange.SendAsync(exchange.Body.ToArray(), ("answer-sum", "def"));
        }
    }

    /// <summary>One end of a request: what has come of it, and what it sends. On the loop, but for <see cref="Done"/>.</summary>
    private sealed class Http2Exchange : IHttp2StreamUser
    {
        private readonly Http2Driver _driver;
        private readonly Http2Stream _stream;

        // Continuations run on the loop.
        private readonly TaskCompletionSource _done = new();
        private readonly NodeAgent.Proxy.Loop.LoopSignal _window = new();

        internal Http2Exchange(Http2Driver driver, HeaderList request)
            : this(driver, driver.Http2.OpenStream(request, endStream: false, null)!) => driver.ScheduleFlush();

        internal Http2Exchange(Http2Driver driver, Http2Stream stream)
        {
            (_driver, _stream) = (driver, stream);
            stream.State = this;
        }

        internal Task Done => _done.Task;

        internal List<string> Headers { get; } = [];

        internal MemoryStream Body { get; } = new();

        internal async Task<bool> SendAsync(byte[] body, (string Name, string Value) trailer)
        {
            for (int at = 0; at < body.Length;)
            {
                _driver.Http2.SendData(_stream, body.AsSpan(at), endStream: false, out int sent);
                _driver.ScheduleFlush();
                at += sent;
                if (at < body.Length) await _window.WaitAsync();
            }

            bool isSent = _driver.Http2.SendHeaders(_stream, new HeaderList().Add(Encoding.ASCII.GetBytes(trailer.Name), Encoding.ASCII.GetBytes(trailer.Value)), endStream: true);
            _driver.ScheduleFlush();
            return isSent;
        }

        public void OnHeaders(HeaderList headers, Http2HeadersKind kind, bool endStream)
        {
            Headers.Add($"{Encoding.ASCII.GetString(headers[0].Name)}={Encoding.ASCII.GetString(headers[0].Value)}{(endStream ? " end" : "")}");
            if (kind == Http2HeadersKind.Trailers) _done.SetResult();
        }

        public void OnData(ReadOnlySpan<byte> data, bool endStream)
        {
            Body.Write(data);
            _driver.Http2.Consumed(_stream, data.Length);
            _driver.ScheduleFlush();
        }

        public void OnReset(Http2ErrorCode code, bool connectionBroken) => _done.TrySetException(new IOException($"{code}"));

        public void OnStreamClosed()
        {
        }

        public void OnWindowAvailable() => _window.Set(true);
    }
}
