using static Culvert.Http1.Tests.Heads;

namespace Culvert.Http1.Tests;

/// <summary>Heads of requests, rule by rule (RFC 9112, section 2.2, 3, 5 and 6; RFC 9110).</summary>
public sealed class RequestHeadTests
{
    [Theory]
    [InlineData("GET /a?b HTTP/1.1\r\nHost: x\r\n\r\n", ":method=GET|:authority=x|:path=/a?b|None")]
    [InlineData("\r\n\r\nGET / HTTP/1.1\r\nhost:x:80\r\n\r\n", ":method=GET|:authority=x:80|:path=/|None")] // empty lines before it (2.2)
    [InlineData("GET / HTTP/1.1\r\nHost: [fd00::1]:8080\r\nX-Y:\t a b \t\r\nx-empty:\r\n\r\n", ":method=GET|:authority=[fd00::1]:8080|:path=/|x-y=a b|x-empty=|None")]
    [InlineData("OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n", ":method=OPTIONS|:authority=x|:path=*|None")]
    [InlineData("GET http://h/p?q HTTP/1.1\r\nHost: other\r\n\r\n", ":method=GET|:scheme=http|:authority=h|:path=/p?q|None")] // an absolute target counts (3.2.2)
    [InlineData("GET HTTPS://h?q HTTP/1.1\r\nHost: h\r\n\r\n", ":method=GET|:scheme=https|:authority=h|:path=/?q|None")]
    [InlineData("OPTIONS http://h HTTP/1.1\r\nHost: h\r\n\r\n", ":method=OPTIONS|:scheme=http|:authority=h|:path=*|None")]
    [InlineData("CONNECT h:443 HTTP/1.1\r\nHost: h\r\n\r\n", ":method=CONNECT|:authority=h:443|None")]
    [InlineData("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nExpect: 100-Continue\r\n\r\nhello", ":method=POST|:authority=x|:path=/|content-length=5|Length 5 continue")]
    [InlineData("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n", ":method=POST|:authority=x|:path=/|content-length=0|None")]
    [InlineData("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: Chunked\r\nTrailer: a\r\n\r\n", ":method=POST|:authority=x|:path=/|trailer=a|Chunked")]
    [InlineData("GET / HTTP/1.2\r\nHost: x\r\n\r\n", ":method=GET|:authority=x|:path=/|None")] // a later minor version (RFC 9110, 2.5)
    [InlineData("GET / HTTP/1.0\r\n\r\n", ":method=GET|:path=/|None close 1.0")]
    [InlineData("GET / HTTP/1.1\r\nHost: \r\n\r\n", ":method=GET|:path=/|None")]
    [InlineData("GET / HTTP/1.0\r\nHost: x\r\nConnection: Keep-Alive\r\nExpect: 100-continue\r\n\r\n", ":method=GET|:authority=x|:path=/|None 1.0")]
    [InlineData("GET / HTTP/1.1\r\nHost: x\r\nConnection: close, , x-own\r\nX-Own: 1\r\nKeep-Alive: 5\r\nProxy-Connection: y\r\nTE: gzip, trailers\r\n\r\n", ":method=GET|:authority=x|:path=/|te=trailers|None close")]
    [InlineData("GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n", ":method=GET|:authority=x|:path=/|None upgrade websocket")]
    [InlineData("GET / HTTP/1.1\r\nHost: x\r\nUpgrade: h2c\r\n\r\n", ":method=GET|:authority=x|:path=/|None")] // not of this hop unless Connection names it
    public void WhatIsRight(string text, string read) => Assert.Equal(read, Request(text));

    [Theory]
    [InlineData("GET / HTTP/1.1\nHost: x\r\n\r\n", 400)]
    [InlineData("GET / HTTP/1.1\r\nHost: x\n\r\n", 400)]
    [InlineData("GET / HTTP/1.1\r\nHost: x\r\n\n", 400)]
    [InlineData("\nGET / HTTP/1.1\r\nHost: x\r\n\r\n", 400)]
    [InlineData("GET / HTTP/1.1\r\nHost: x\r\nA: b\rc\r\n\r\n", 400)]
    [InlineData("GET  / HTTP/1.1\r\nHost: x\r\n\r\n", 400)]
    [InlineData("GET / HTTP/1.1 \r\nHost: x\r\n\r\n", 400)]
    [InlineData("GET /a b HTTP/1.1\r\nHost: x\r\n\r\n", 400)]
    [InlineData(" GET / HTTP/1.1\r\nHost: x\r\n\r\n", 400)]
    [InlineData("GET\t/ HTTP/1.1\r\nHost: x\r\n\r\n", 400)]
    [InlineData("GET /\r\nHost: x\r\n\r\n", 400)]
    [InlineData("G(T / HTTP/1.1\r\nHost: x\r\n\r\n", 400)]
    [InlineData("GET a HTTP/1.1\r\nHost: x\r\n\r\n", 400)]
    [InlineData("GET * HTTP/1.1\r\nHost: x\r\n\r\n", 400)]
    [InlineData("GET /a#b HTTP/1.1\r\nHost: x\r\n\r\n", 400)]
    [InlineData("GET /\u00e4 HTTP/1.1\r\nHost: x\r\n\r\n", 400)]
    [InlineData("GET ftp://h/ HTTP/1.1\r\nHost: x\r\n\r\n", 400)]
    [InlineData("GET http:///p HTTP/1.1\r\nHost: x\r\n\r\n", 400)]
    [InlineData("GET http://u@h/p HTTP/1.1\r\nHost: x\r\n\r\n", 400)]
    [InlineData("CONNECT /a HTTP/1.1\r\nHost: x\r\n\r\n", 400)]
    [InlineData("CONNECT h HTTP/1.1\r\nHost: x\r\n\r\n", 400)]
    [InlineData("CONNECT h: HTTP/1.1\r\nHost: x\r\n\r\n", 400)]
    [InlineData("GET / http/1.1\r\nHost: x\r\n\r\n", 400)]
    [InlineData("GET / HTTP/2.0\r\nHost: x\r\n\r\n", 505)]
    [InlineData("PRI * HTTP/2.0\r\n\r\n", 505)]
    [InlineData("GET / HTTP/1.\r\nHost: x\r\n\r\n", 505)]
    [InlineData("GET / HTTP/1.10\r\nHost: x\r\n\r\n", 505)]
    [InlineData("GET / HTTP/1.1\r\n\r\n", 400)]
    [InlineData("GET / HTTP/1.1\r\nHost: x\r\nHost: x\r\n\r\n", 400)]
    [InlineData("GET / HTTP/1.0\r\nHost: x\r\nHost: y\r\n\r\n", 400)]
    [InlineData("GET / HTTP/1.1\r\nHost: a, b\r\n\r\n", 400)]
    [InlineData("GET / HTTP/1.1\r\nHost: u@h\r\n\r\n", 400)]
    [InlineData("GET / HTTP/1.1\r\nHost: h/p\r\n\r\n", 400)]
    [InlineData("GET / HTTP/1.1\r\nHost: h:80:80\r\n\r\n", 400)]
    [InlineData("GET / HTTP/1.1\r\nHost: [::1\r\n\r\n", 400)]
    [InlineData("GET / HTTP/1.1\r\nHost: [::1]x\r\n\r\n", 400)]
    [InlineData("GET / HTTP/1.1\r\nHost: x\r\nA : b\r\n\r\n", 400)]
    [InlineData("GET / HTTP/1.1\r\nHost: x\r\n: b\r\n\r\n", 400)]
    [InlineData("GET / HTTP/1.1\r\nHost: x\r\nA\r\n\r\n", 400)]
    [InlineData("GET / HTTP/1.1\r\nHost: x\r\n b: c\r\n\r\n", 400)]
    [InlineData("GET / HTTP/1.1\r\nHost: x\r\nA: b\r\n\tc\r\n\r\n", 400)]
    [InlineData("GET / HTTP/1.1\r\nHost: x\r\nA: b\0c\r\n\r\n", 400)]
    [InlineData("GET / HTTP/1.1\r\nHost: x\r\nA: b\u007fc\r\n\r\n", 400)]
    [InlineData("GET / HTTP/1.1\r\nHost: x\r\nConnection: host\r\n\r\n", 400)]
    [InlineData("GET / HTTP/1.1\r\nHost: x\r\nConnection: a b\r\n\r\n", 400)]
    public void WhatIsWrong(string text, int status) => Assert.StartsWith($"{status} ", Request(text), StringComparison.Ordinal);

    [Fact]
    public void WhatIsNotWholeNeedsMoreAndIsRefusedAtOnceWhereNothingCanMendIt()
    {
        const string Text = "\r\nPOST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\n";
        for (var length = 0; length < Text.Length; length++) Assert.Equal("more", Request(Text[..length]));
        Assert.Equal("400 a line does not end with CR LF", Request("GET / HTTP/1.1\n"));
        Assert.StartsWith("400 ", Request("\u0016\u0003\u0001"), StringComparison.Ordinal); // TLS
        Assert.StartsWith("400 ", Request("\r\n("), StringComparison.Ordinal);
    }

    [Fact]
    public void AHeadThatComesInPiecesIsReadAsOne()
    {
        var reader = new Http1HeadReader(Http1Limits.Default);
        var head = new Http1Head();
        var bytes = Bytes("GET /a HTTP/1.1\r\nHost: x\r\nA: 1\r\n\r\nGET /b HTTP/1.1\r\nHost: y\r\n\r\n");
        for (var length = 0; length < 34; length++) Assert.True(reader.ReadRequest(bytes.AsSpan(0, length), head).NeedsMore);
        var first = reader.ReadRequest(bytes, head);
        Assert.Equal((34, ":method=GET|:authority=x|:path=/a|a=1|None"), (first.Consumed, Told(first, head)));
        Assert.Equal(":method=GET|:authority=y|:path=/b|None", Told(reader.ReadRequest(bytes.AsSpan(first.Consumed), head), head));
    }

    [Fact]
    public void LimitsAreHeld()
    {
        var limits = new Http1Limits { MaxStartLine = 64, MaxHead = 200, MaxFields = 3 };
        Assert.StartsWith("414 ", Request($"GET /{new string('a', 64)} HTTP/1.1\r\nHost: x\r\n\r\n", limits), StringComparison.Ordinal);
        Assert.StartsWith("414 ", Request($"GET /{new string('a', 64)}", limits), StringComparison.Ordinal);
        Assert.StartsWith("431 ", Request($"GET / HTTP/1.1\r\nHost: x\r\nA: {new string('a', 200)}", limits), StringComparison.Ordinal);
        Assert.StartsWith("431 ", Request($"GET / HTTP/1.1\r\nHost: x\r\nA: {new string('a', 169)}\r\n\r\n", limits), StringComparison.Ordinal);
        Assert.StartsWith(":method", Request("GET / HTTP/1.1\r\nHost: x\r\nA: 1\r\nB: 2\r\n\r\n", limits), StringComparison.Ordinal);
        Assert.StartsWith("431 ", Request("GET / HTTP/1.1\r\nHost: x\r\nA: 1\r\nB: 2\r\nC: 3\r\n\r\n", limits), StringComparison.Ordinal);
        Assert.StartsWith("400 ", Request("\r\n\r\n\r\n\r\n\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n", limits), StringComparison.Ordinal);
    }
}
