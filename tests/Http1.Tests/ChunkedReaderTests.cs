using System.Text;
using static Culvert.Http1.Tests.Heads;

namespace Culvert.Http1.Tests;

/// <summary>Bodies in chunks (RFC 9112, section 7.1).</summary>
public sealed class ChunkedReaderTests
{
    private static readonly Http1Limits Limits = new() { MaxHead = 200, MaxFields = 3 };

    [Theory]
    [InlineData("0\r\n\r\n", "", "")]
    [InlineData("5\r\nhello\r\n0\r\n\r\n", "hello", "")]
    [InlineData("5;a=\"b\"\r\nhello\r\n00A ; x\r\n, world!!!\r\n000\r\nX-A: 1\r\nKeep-Alive: 3\r\nx-b:2\r\n\r\n", "hello, world!!!", "x-a=1|x-b=2|")]
    public void WhatIsRightInPiecesOfEverySize(string text, string content, string trailers)
    {
        for (var piece = 1; piece <= text.Length + 4; piece++) Assert.Equal((content, trailers, "NEXT"), Read(text + "NEXT", piece));
    }

    [Theory]
    [InlineData("\r\n")]
    [InlineData("g\r\n")]
    [InlineData("-1\r\n")]
    [InlineData("0x5\r\nhello\r\n")]
    [InlineData(" 5\r\nhello\r\n")]
    [InlineData("5 5\r\nhello\r\n")]
    [InlineData("5\nhello\r\n")]
    [InlineData("5\r\nhello\n0\r\n\r\n")]
    [InlineData("5\r\nhello!\r\n0\r\n\r\n")]
    [InlineData("5\r\nhello0\r\n\r\n")]
    [InlineData("5;a\nb\r\nhello\r\n")]
    [InlineData("5;a\u0000\r\nhello\r\n")]
    [InlineData("1000000000000000\r\n")]
    [InlineData("0000000000000000\r\n")]
    [InlineData("0\r\nContent-Length: 5\r\n\r\n")]
    [InlineData("0\r\nTransfer-Encoding: chunked\r\n\r\n")]
    [InlineData("0\r\nHost: x\r\n\r\n")]
    [InlineData("0\r\nA : b\r\n\r\n")]
    [InlineData("0\r\nA: b\n\r\n")]
    [InlineData("0\r\nA: 1\r\nB: 2\r\nC: 3\r\nD: 4\r\n\r\n")]
    public void WhatIsWrong(string text)
    {
        for (var piece = 1; piece <= text.Length; piece++) Assert.ThrowsAny<InvalidOperationException>(() => Read(text, piece));
    }

    [Fact]
    public void LinesAreBounded()
    {
        Assert.ThrowsAny<InvalidOperationException>(() => Read($"5;{new string('a', 300)}", 10));
        Assert.ThrowsAny<InvalidOperationException>(() => Read($"0\r\nA: {new string('a', 300)}", 10));
    }

    // What was read, the trailers, and what was left.
    private static (string Content, string Trailers, string Left) Read(string text, int piece)
    {
        var reader = new ChunkedReader(Limits);
        reader.Begin();
        var all = Bytes(text);
        var content = new StringBuilder();
        int from = 0, to = 0;
        while (true)
        {
            var result = reader.Read(all.AsSpan(from, to - from));
            if (result.Refusal is { } refusal) throw new InvalidOperationException(refusal.Reason);
            content.Append(Encoding.Latin1.GetString(all.AsSpan(from, to - from)[result.Data]));
            from += result.Consumed;
            if (result.IsEnd) return (content.ToString(), Fields(reader.Trailers), Encoding.Latin1.GetString(all.AsSpan(from)));
            if (result.Consumed > 0) continue;
            if (to == all.Length) throw new EndOfStreamException();
            to = Math.Min(all.Length, to + piece);
        }
    }
}
