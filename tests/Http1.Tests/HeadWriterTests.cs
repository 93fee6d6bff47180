using System.Text;
using Culvert.Http2;
using static Culvert.Http1.Tests.Heads;

namespace Culvert.Http1.Tests;

/// <summary>What is written of heads and chunks (RFC 9112, section 3, 4, 7 and 9).</summary>
public sealed class HeadWriterTests
{
    [Theory]
    [InlineData("GET /a?b HTTP/1.1\r\nHost: x\r\nX-Y:  1 \r\n\r\n", "GET /a?b HTTP/1.1\r\nhost: x\r\nx-y: 1\r\n\r\n")]
    [InlineData("GET http://h/p HTTP/1.1\r\nHost: other\r\n\r\n", "GET /p HTTP/1.1\r\nhost: h\r\n\r\n")]
    [InlineData("GET / HTTP/1.0\r\n\r\n", "GET / HTTP/1.1\r\nhost: \r\n\r\n")]
    [InlineData("OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n", "OPTIONS * HTTP/1.1\r\nhost: x\r\n\r\n")]
    [InlineData("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n", "POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\nexpect: 100-continue\r\n\r\n")]
    [InlineData("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n", "POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n")]
    [InlineData("GET / HTTP/1.1\r\nHost: x\r\nConnection: close, x-own, TE\r\nX-Own: 1\r\nTE: trailers\r\n\r\n", "GET / HTTP/1.1\r\nhost: x\r\nte: trailers\r\nconnection: te\r\n\r\n")]
    [InlineData("GET / HTTP/1.1\r\nHost: x\r\nConnection: upgrade\r\nUpgrade: websocket\r\nTE: trailers\r\n\r\n", "GET / HTTP/1.1\r\nhost: x\r\nte: trailers\r\nupgrade: websocket\r\nconnection: upgrade, te\r\n\r\n")]
    public void ARequestIsWrittenForTheNextConnection(string read, string written)
    {
        var head = new Http1Head();
        Assert.Null(new Http1HeadReader(Http1Limits.Default).ReadRequest(Bytes(read), head).Refusal);
        var form = new HeadForm { IsChunked = head.Body == BodyKind.Chunked, ExpectsContinue = head.ExpectsContinue, Upgrade = head.Upgrade };
        Span<byte> room = stackalloc byte[512];
        Assert.True(Http1HeadWriter.TryWriteRequest(head.Fields, form, room, out var length));
        Assert.Equal(written, Encoding.Latin1.GetString(room[..length]));
    }

    [Theory]
    [InlineData("HTTP/1.1 200 Fine\r\nContent-Length: 3\r\n\r\n", ConnectionOption.None, "HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\n")]
    [InlineData("HTTP/1.1 299 Own\r\nContent-Length: 3\r\n\r\n", ConnectionOption.KeepAlive, "HTTP/1.1 299 \r\ncontent-length: 3\r\nconnection: keep-alive\r\n\r\n")]
    [InlineData("HTTP/1.0 404 Gone\r\n\r\n", ConnectionOption.Close, "HTTP/1.1 404 Not Found\r\nconnection: close\r\n\r\n")]
    [InlineData("HTTP/1.1 101 x\r\nUpgrade: a\r\nConnection: upgrade\r\n\r\n", ConnectionOption.None, "HTTP/1.1 101 Switching Protocols\r\nupgrade: a\r\nconnection: upgrade\r\n\r\n")]
    public void AResponseIsWrittenForTheNextConnection(string read, ConnectionOption connection, string written)
    {
        var head = new Http1Head();
        Assert.Null(new Http1HeadReader(Http1Limits.Default).ReadResponse(Bytes(read), isHead: false, head).Refusal);
        Span<byte> room = stackalloc byte[512];
        Assert.True(Http1HeadWriter.TryWriteResponse(head.Fields, new HeadForm { Connection = connection, Upgrade = head.Upgrade }, room, out var length));
        Assert.Equal(written, Encoding.Latin1.GetString(room[..length]));
    }

    [Fact]
    public void ALengthIsNotWrittenBesideChunks()
    {
        var fields = new HeaderList().AddStatus(200).Add("content-length"u8, "5"u8);
        Span<byte> room = stackalloc byte[512];
        Assert.True(Http1HeadWriter.TryWriteResponse(fields, new HeadForm { IsChunked = true }, room, out var length));
        Assert.Equal("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n", Encoding.Latin1.GetString(room[..length]));
    }

    [Fact]
    public void ARoomThatIsTooSmallIsToldWhereverItEnds()
    {
        var fields = new HeaderList().Add(":method"u8, "GET"u8).Add(":authority"u8, "x"u8).Add(":path"u8, "/"u8).Add("te"u8, "trailers"u8);
        var room = new byte[512];
        Assert.True(Http1HeadWriter.TryWriteRequest(fields, default, room, out var length));
        for (var size = 0; size < length; size++) Assert.False(Http1HeadWriter.TryWriteRequest(fields, default, room.AsSpan(0, size), out _));
        Assert.True(Http1HeadWriter.TryWriteRequest(fields, default, room.AsSpan(0, length), out _));
    }

    [Theory]
    [InlineData(1, "1\r\n")]
    [InlineData(255, "ff\r\n")]
    [InlineData(int.MaxValue, "7fffffff\r\n")]
    public void AChunkBeginsWithItsSize(int size, string written)
    {
        Span<byte> room = stackalloc byte[Http1HeadWriter.LongestChunkSize];
        Assert.Equal(written, Encoding.Latin1.GetString(room[..Http1HeadWriter.WriteChunkSize(size, room)]));
    }

    [Fact]
    public void TheLastChunkHasTheTrailers()
    {
        Span<byte> room = stackalloc byte[64];
        Assert.True(Http1HeadWriter.TryWriteLastChunk(new HeaderList().Add("grpc-status"u8, "0"u8), room, out var length));
        Assert.Equal("0\r\ngrpc-status: 0\r\n\r\n", Encoding.Latin1.GetString(room[..length]));
        Assert.False(Http1HeadWriter.TryWriteLastChunk(new HeaderList(), room[..4], out _));
    }
}
