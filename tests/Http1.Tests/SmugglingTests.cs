using static Culvert.Http1.Tests.Heads;

namespace Culvert.Http1.Tests;

/// <summary>Shapes by which one of two readers has been made to take a part of a body for the next request.</summary>
[Trait("Category", "Attack")]
public sealed class SmugglingTests
{
    [Theory]
    [InlineData("Content-Length: 5\r\nTransfer-Encoding: chunked", 400)]
    [InlineData("Transfer-Encoding: chunked\r\nContent-Length: 0", 400)]
    [InlineData("Content-Length: 5\r\nContent-Length: 5", 400)]
    [InlineData("Content-Length: 5\r\nContent-Length: 6", 400)]
    [InlineData("Content-Length: 5, 5", 400)]
    [InlineData("Content-Length: +5", 400)]
    [InlineData("Content-Length: -5", 400)]
    [InlineData("Content-Length: 0x5", 400)]
    [InlineData("Content-Length: 5 5", 400)]
    [InlineData("Content-Length:", 400)]
    [InlineData("Content-Length: 9223372036854775808", 400)]
    [InlineData("Content-Length: 00000000000000000005", 400)]
    [InlineData("Content-Length : 5", 400)]
    [InlineData("Content-Length\t: 5", 400)]
    [InlineData("Content-Length: 5\u000b", 400)]
    [InlineData("Transfer-Encoding: xchunked", 400)]
    [InlineData("Transfer-Encoding: chunked, identity", 400)]
    [InlineData("Transfer-Encoding: identity", 400)]
    [InlineData("Transfer-Encoding: gzip, chunked", 501)]
    [InlineData("Transfer-Encoding: gzip, Chunked", 501)]
    [InlineData("Transfer-Encoding: chunked, gzip", 400)]
    [InlineData("Transfer-Encoding: \"chunked\"", 400)]
    [InlineData("Transfer-Encoding: chunked;q=1", 400)]
    [InlineData("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked", 400)]
    [InlineData("Transfer-Encoding: chunked\r\nTransfer-Encoding: identity", 400)]
    [InlineData("Transfer-Encoding : chunked", 400)]
    [InlineData("Transfer-Encoding:\r\n chunked", 400)]
    [InlineData("Transfer-Encoding:\u000bchunked", 400)]
    [InlineData("Transfer\u0000-Encoding: chunked", 400)]
    [InlineData(" Transfer-Encoding: chunked", 400)]
    [InlineData("X: y\nTransfer-Encoding: chunked", 400)]
    [InlineData("X: y\rTransfer-Encoding: chunked", 400)]
    [InlineData("Connection: content-length\r\nContent-Length: 5", 400)]
    [InlineData("Connection: transfer-encoding\r\nTransfer-Encoding: chunked", 400)]
    public void IsRefused(string fields, int status) => Assert.StartsWith($"{status} ", Request($"POST / HTTP/1.1\r\nHost: x\r\n{fields}\r\n\r\n"), StringComparison.Ordinal);

    [Fact]
    public void CodingsOfVersion10AreRefused() => Assert.StartsWith("400 ", Request("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n"), StringComparison.Ordinal);
}
