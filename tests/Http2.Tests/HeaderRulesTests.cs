using Culvert.Http2.Tests.Support;

namespace Culvert.Http2.Tests;

/// <summary>Well-formedness of messages (RFC 9113, section 8).</summary>
public sealed class HeaderRulesTests
{
    private const string Get = ":method=GET|:scheme=https|:authority=a|:path=/";

    [Theory]
    [InlineData(Get)]
    [InlineData(Get + "|te=trailers|host=A")]
    [InlineData(":method=GET|:scheme=https|:path=/|host=a")]
    [InlineData(":method=OPTIONS|:scheme=https|:authority=a|:path=*")]
    [InlineData(":method=CONNECT|:authority=[::1]:80")]
    [InlineData(":method=GET|:scheme=ftp|:authority=u@a|:path=x")]
    [InlineData(Get + "|cookie=a=b|cookie=c=d|x=|content-length=0|content-length=0")]
    public void WellFormedRequests(string fields) => Assert.Equal("", Request(fields));

    [Theory]
    [InlineData(":scheme=https|:authority=a|:path=/")]
    [InlineData(":method=GET|:authority=a|:path=/")]
    [InlineData(":method=GET|:scheme=https|:authority=a")]
    [InlineData(":method=GET|:scheme=https|:authority=a|:path=")]
    [InlineData(":method=GET|:scheme=https|:authority=a|:path=x")]
    [InlineData(":method=GET|:scheme=https|:authority=a|:path=*")]
    [InlineData(":method=G T|:scheme=https|:authority=a|:path=/")]
    [InlineData(":method=GET|:scheme=https|:authority=u@a|:path=/")]
    [InlineData(Get + "|:path=/")]
    [InlineData(Get + "|host=b")]
    [InlineData(":method=GET|:scheme=https|x=y|:path=/")]
    [InlineData(Get + "|:status=200")]
    [InlineData(Get + "|:other=1")]
    [InlineData(Get + "|:protocol=websocket")]
    [InlineData(":method=CONNECT|:authority=a:1|:path=/")]
    [InlineData(":method=CONNECT|:authority=a:1|:scheme=https")]
    [InlineData(":method=CONNECT")]
    [InlineData(":method=CONNECT|:authority=a:1|:scheme=https|:path=/|:protocol=websocket")]
    [InlineData(Get + "|Upper=1")]
    [InlineData(Get + "|a b=1")]
    [InlineData(Get + "|a:b=1")]
    [InlineData(Get + "|a\u00e9=1")]
    [InlineData(Get + "|a=1\r\nb: 2")]
    [InlineData(Get + "|a=1\0")]
    [InlineData(Get + "|a= 1")]
    [InlineData(Get + "|a=1\t")]
    [InlineData(Get + "|connection=close")]
    [InlineData(Get + "|keep-alive=1")]
    [InlineData(Get + "|proxy-connection=close")]
    [InlineData(Get + "|transfer-encoding=chunked")]
    [InlineData(Get + "|upgrade=h2c")]
    [InlineData(Get + "|te=gzip")]
    [InlineData(Get + "|content-length=1|content-length=2")]
    [InlineData(Get + "|content-length=+1")]
    [InlineData(Get + "|content-length=-1")]
    [InlineData(Get + "|content-length=5")]
    [InlineData(Get + "|content-length=99999999999999999999")]
    public void MalformedRequestsAreReset(string fields) => Assert.Equal("RST 1 ProtocolError", Request(fields));

    [Fact]
    public void ExtendedConnectWhenOn()
    {
        var server = new Endpoint(Http2Role.Server, new Http2Options { EnableConnectProtocol = true });
        server.Send(new Wire().Headers(1, false, (":method", "CONNECT"), (":protocol", "websocket"), (":scheme", "https"), (":authority", "a"), (":path", "/")));
        Assert.True(server.Recorder.Streams[1].IsConnect);
        server.Send(new Wire().Headers(3, false, (":method", "CONNECT"), (":protocol", "websocket"), (":authority", "a")));
        server.Send(new Wire().Headers(5, false, [.. Wire.Get, (":protocol", "x")]));
        Assert.Equal("RST 3 ProtocolError\nRST 5 ProtocolError", server.OutputText());
    }

    [Fact]
    public void ExtendedConnectIsAnnounced()
    {
        var pair = new Pair(server: new Http2Options { EnableConnectProtocol = true });
        Assert.True(pair.Client.Connection.PeerAllowsExtendedConnect);
        (string, string)[] webSocket = [(":method", "CONNECT"), (":protocol", "websocket"), (":scheme", "https"), (":authority", "a"), (":path", "/")];
        Assert.True(pair.Client.Open(false, webSocket).IsConnect);
        pair.Pump();
        Assert.Equal(1, pair.Server.Connection.OpenStreams);
        Assert.Throws<InvalidOperationException>(() => new Pair().Client.Open(false, webSocket));
    }

    [Theory]
    [InlineData(":status=200")]
    [InlineData(":status=418|server=x")]
    public void WellFormedResponses(string fields) => Assert.Equal("", Response(fields, false));

    [Theory]
    [InlineData("server=x", false)]
    [InlineData(":status=20", false)]
    [InlineData(":status=099", false)]
    [InlineData(":status=2x0", false)]
    [InlineData(":status=101", false)]
    [InlineData(":status=100", true)]
    [InlineData(":status=200|:status=200", false)]
    [InlineData(":status=200|:path=/", false)]
    [InlineData("server=x|:status=200", false)]
    [InlineData(":status=200|connection=close", false)]
    [InlineData(":status=200|content-length=5", true)]
    public void MalformedResponsesAreReset(string fields, bool end) => Assert.Equal("RST 1 ProtocolError", Response(fields, end));

    [Theory]
    [InlineData("HEAD", "200")]
    [InlineData("GET", "304")]
    public void ResponsesWithoutBodyMayNameALength(string method, string status)
    {
        var client = new Endpoint(Http2Role.Client);
        client.Open(true, (":method", method), (":scheme", "https"), (":authority", "a"), (":path", "/"));
        client.Open(true, (":method", method), (":scheme", "https"), (":authority", "a"), (":path", "/"));
        client.Output();
        client.Send(new Wire().Headers(1, true, (":status", status), ("content-length", "5")).Headers(3, false, (":status", status), ("content-length", "5")).Data(3, 5, true));
        Assert.Equal("RST 3 ProtocolError", client.OutputText());
    }

    [Fact]
    public void ConnectTunnel()
    {
        var pair = new Pair();
        var client = pair.Client.Open(false, Wire.Connect);
        pair.Pump();
        var server = pair.Server.Recorder.Streams[1];
        Assert.True(server.IsConnect);
        pair.Server.Connection.SendHeaders(server, Endpoint.List(Wire.Ok), false);
        pair.Client.Connection.SendData(client, "hello"u8, true, out var sent);
        Assert.Equal(5, sent);
        pair.Server.Connection.SendData(server, "world!"u8, false, out _);
        pair.Pump();
        Assert.Equal(Http2StreamState.HalfClosedLocal, client.StreamState);
        pair.Server.Connection.SendData(server, "!"u8, true, out _);
        pair.Pump();
        Assert.Equal("settings|1 Response :status=200|1 data 7|1 end|1 closed", string.Join('|', pair.Client.Recorder.Events));
        Assert.Equal("settings|1 Request :method=CONNECT :authority=10.0.0.1:80|1 data 5|1 end|1 closed", string.Join('|', pair.Server.Recorder.Events));
    }

    [Fact]
    public void HeadersOnATunnelAreAnError()
    {
        var server = new Endpoint(Http2Role.Server);
        server.Send(new Wire().Headers(1, false, Wire.Connect).Headers(1, true, ("a", "b")));
        Assert.Equal("RST 1 ProtocolError", server.OutputText());
        var client = new Endpoint(Http2Role.Client);
        client.Open(false, Wire.Connect);
        client.Open(false, Wire.Connect);
        client.Output();
        client.Send(new Wire().Headers(1, false, Wire.Ok).Headers(1, true, ("a", "b")).Headers(3, false, (":status", "503")).Headers(3, true, ("a", "b")));
        Assert.Equal("RST 1 ProtocolError", client.OutputText());
    }

    [Fact]
    public void TooLargeRequestsGetAnAnswer()
    {
        var server = new Endpoint(Http2Role.Server, new Http2Options { MaxHeaderListSize = 1000 });
        server.Send(new Wire().Headers(1, true, [.. Wire.Get, ("x", new string('x', 1000))]).Headers(3, false, [.. Wire.Get, ("x", new string('x', 1000))]));
        Assert.Equal("Headers 1 end\nHeaders 3 end\nRST 3 NoError", server.OutputText());
        Assert.Equal("settings", server.Recorder.Text);
    }

    [Fact]
    public void LargeHeadersAreSplitAndJoined()
    {
        var pair = new Pair(new Http2Options { MaxHeaderListSize = 1 << 20 }, new Http2Options { MaxHeaderListSize = 1 << 20, MaxFrameSize = 16_384 });
        var value = new string('\u00fe', 100_000);
        pair.Client.Open(true, [.. Wire.Get, ("x-large", value), ("x-last", "1")]);
        string? got = null;
        pair.Server.Recorder.Headers = (_, headers, _, _) => got = headers.GetString("x-large"u8) + headers.GetString("x-last"u8);
        Assert.InRange(pair.Client.Connection.PendingOutput, 100_009 + (6 * 9), 101_000);
        pair.Pump();
        Assert.Equal(value + "1", got);
    }

    private static string Request(string fields)
    {
        var server = new Endpoint(Http2Role.Server);
        Assert.False(server.Send(new Wire().Headers(1, true, Split(fields))).IsClosed);
        return server.OutputText();
    }

    private static string Response(string fields, bool end)
    {
        var client = new Endpoint(Http2Role.Client);
        client.Open();
        client.Output();
        Assert.False(client.Send(new Wire().Headers(1, end, Split(fields))).IsClosed);
        return client.OutputText();
    }

    private static (string, string)[] Split(string fields) => [.. fields.Split('|').Select(f =>
    {
        var at = f.IndexOf('=', 1);
        return (f[..at], f[(at + 1)..]);
    })];
}
