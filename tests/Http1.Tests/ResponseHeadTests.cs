using static Culvert.Http1.Tests.Heads;

namespace Culvert.Http1.Tests;

/// <summary>Heads of responses, and where their bodies end (RFC 9112, section 4 and 6.3).</summary>
public sealed class ResponseHeadTests
{
    [Theory]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Length: 3\r\nSet-Cookie: a\r\nSet-Cookie: b\r\n\r\n", ":status=200|content-length=3|set-cookie=a|set-cookie=b|Length 3")]
    [InlineData("HTTP/1.1 200\r\nTransfer-Encoding: chunked\r\n\r\n", ":status=200|Chunked")]
    [InlineData("HTTP/1.1 404 \r\n\r\n", ":status=404|UntilClose close")]
    [InlineData("HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 1\r\n\r\n", ":status=200|content-length=1|Length 1 1.0")]
    [InlineData("HTTP/1.0 200 OK\r\n\r\n", ":status=200|UntilClose close 1.0")]
    [InlineData("HTTP/1.1 100 Continue\r\n\r\n", ":status=100|None")]
    [InlineData("HTTP/1.1 101 Switching\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n", ":status=101|None upgrade websocket")]
    [InlineData("HTTP/1.1 204 No Content\r\n\r\n", ":status=204|None")]
    [InlineData("HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n", ":status=204|None close")]
    [InlineData("HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n", ":status=204|None")]
    [InlineData("HTTP/1.1 103 Early Hints\r\nContent-Length: 0\r\n\r\n", ":status=103|None")]
    [InlineData("HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n", ":status=304|content-length=5|None")]
    public void WhatIsRight(string text, string read) => Assert.Equal(read, Response(text));

    [Fact]
    public void WhatAnswersHeadHasNoBody() => Assert.Equal(":status=200|content-length=5|None", Response("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", isHead: true));

    [Theory]
    [InlineData("HTTP/1.1 99 x\r\n\r\n")]
    [InlineData("HTTP/1.1 099 x\r\n\r\n")]
    [InlineData("HTTP/1.1 2000 x\r\n\r\n")]
    [InlineData("HTTP/1.1  200 x\r\n\r\n")]
    [InlineData("HTTP/2.0 200 x\r\n\r\n")]
    [InlineData("HTTP/1.1\r\n\r\n")]
    [InlineData("HTTP/1.1 103 Early Hints\r\nContent-Length: 60\r\n\r\n")]
    [InlineData("HTTP/1.1 100 Continue\r\nTransfer-Encoding: chunked\r\n\r\n")]
    [InlineData("ICY 200 OK\r\n\r\n")]
    [InlineData("220 mail.example.com\r\n")]
    [InlineData("SSH-2.0")]
    [InlineData("HTTP/1.1 200 a\u0001\r\n\r\n")]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n")]
    [InlineData("HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n")]
    public void WhatIsWrong(string text) => Assert.Matches("^[45][0-9][0-9] ", Response(text));

    [Fact]
    public void WhatIsNotWholeNeedsMore()
    {
        const string Text = "HTTP/1.1 200 OK\r\nA: 1\r\n\r\n";
        for (var length = 0; length < Text.Length; length++) Assert.Equal("more", Response(Text[..length]));
    }
}
