using System.Buffers;
using System.Text;
using Culvert.Http2.Frames;
using Culvert.Http2.Hpack;

namespace Culvert.Http2.Tests;

/// <summary>Requests whose authority is no host, made into such that any server takes.</summary>
public sealed class AuthorityFilterTests
{
    private static readonly byte[] Preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"u8.ToArray();

    [Theory]
    [InlineData("/run/spiffe/agent.sock")]
    [InlineData("%2Frun%2Fspiffe%2Fagent.sock")]
    [InlineData("localhost")]
    [InlineData("")]
    [InlineData(null)]
    public void EachRequestSaysTheOneAuthority(string? said)
    {
        var client = new HpackEncoder(4096);
        byte[] settings = Frame(FrameType.Settings, FrameFlags.None, 0, []), data = Frame(FrameType.Data, FrameFlags.EndStream, 1, [1, 2, 3]);

        // The second is told by the client's table.
        byte[] input = [.. Preface, .. settings, .. Request(client, 1, said), .. data, .. Request(client, 3, said), .. Frame(FrameType.Ping, FrameFlags.None, 0, new byte[8])];
        var passed = Pass(input, int.MaxValue);
        Assert.Equal(Preface, passed[..Preface.Length]);
        var frames = Frames(passed[Preface.Length..]);
        Assert.Equal([FrameType.Settings, FrameType.Headers, FrameType.Data, FrameType.Headers, FrameType.Ping], frames.Select(f => f.Header.Type));
        Assert.Equal(data[FrameHeader.Size..], frames[2].Payload);
        var server = new HpackDecoder(4096);
        foreach (var (header, payload) in new[] { frames[1], frames[3] })
        {
            Assert.Equal(FrameFlags.EndHeaders, header.Flags);
            Assert.Equal([(":authority", "localhost"), (":method", "POST"), (":scheme", "http"), (":path", "/a/b"), ("te", "trailers"), ("token", "secret")], Decode(server, payload));
        }

        // By the byte it is the same.
        Assert.Equal(passed, Pass(input, 1));
    }

    [Fact]
    public void PaddingAndPriorityGoAndLongHeadsComeInPieces()
    {
        var client = new HpackEncoder(4096);
        var value = new string('~', 30_000);
        var block = Encode(client, (":method", "POST"), ("long", value));
        byte[] head = [3, 0, 0, 0, 0, 9, .. block[..10], 0, 0, 0];
        byte[] input =
        [
            .. Preface, .. Frame(FrameType.Headers, FrameFlags.Padded | FrameFlags.Priority | FrameFlags.EndStream, 5, head),
            .. Frame(FrameType.Continuation, FrameFlags.None, 5, block[10..16_000]), .. Frame(FrameType.Continuation, FrameFlags.EndHeaders, 5, block[16_000..]),
        ];
        var frames = Frames(Pass(input, 1000)[Preface.Length..]);
        Assert.Equal(FrameType.Headers, frames[0].Header.Type);
        Assert.Equal(FrameFlags.EndStream, frames[0].Header.Flags);
        Assert.All(frames[1..], f => Assert.Equal((FrameType.Continuation, 5), (f.Header.Type, f.Header.StreamId)));
        Assert.Equal(FrameFlags.EndHeaders, frames[^1].Header.Flags);
        Assert.Equal([(":authority", "localhost"), (":method", "POST"), ("long", value)], Decode(new HpackDecoder(4096), [.. frames.SelectMany(f => f.Payload)]));
    }

    [Fact]
    public void TrailersHaveNone()
    {
        var client = new HpackEncoder(4096);
        byte[] input = [.. Preface, .. Frame(FrameType.Headers, FrameFlags.EndHeaders | FrameFlags.EndStream, 1, Encode(client, ("sum", "7")))];
        var frame = Assert.Single(Frames(Pass(input, int.MaxValue)[Preface.Length..]));
        Assert.Equal([("sum", "7")], Decode(new HpackDecoder(4096), frame.Payload));
        Assert.Equal(FrameFlags.EndHeaders | FrameFlags.EndStream, frame.Header.Flags);
    }

    [Fact]
    public void WhatIsNoHttp2EndsTheConnection()
    {
        byte[] headers = Frame(FrameType.Headers, FrameFlags.None, 1, [0x82]);
        byte[][] bad =
        [
            "GET / HTTP/1.1\r\n"u8.ToArray(),
            [.. Preface, .. Frame(FrameType.Continuation, FrameFlags.EndHeaders, 1, [])],
            [.. Preface, .. headers, .. Frame(FrameType.Data, FrameFlags.None, 1, [])],
            [.. Preface, .. headers, .. Frame(FrameType.Continuation, FrameFlags.EndHeaders, 3, [])],
            [.. Preface, .. Frame(FrameType.Headers, FrameFlags.EndHeaders, 0, [0x82])],
            [.. Preface, .. Frame(FrameType.Headers, FrameFlags.EndHeaders, 1, [0xff])],
            [.. Preface, .. Frame(FrameType.Headers, FrameFlags.EndHeaders | FrameFlags.Padded, 1, [9, 0x82])],
            [.. Preface, .. Frame(FrameType.Headers, FrameFlags.EndHeaders | FrameFlags.Padded, 1, [])],
            [.. Preface, .. Frame(FrameType.Headers, FrameFlags.EndHeaders | FrameFlags.Priority, 1, [0, 0])],
            [.. Preface, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0, 1],
            [.. Preface, .. headers, .. Enumerable.Repeat(Frame(FrameType.Continuation, FrameFlags.None, 1, new byte[16_000]), 5).SelectMany(f => f)],
        ];
        foreach (var input in bad)
        {
            using var filter = new AuthorityFilter("localhost"u8);
            Assert.False(filter.TryPass(input, new ArrayBufferWriter<byte>(), out _), Convert.ToHexString(input.AsSpan(0, Math.Min(input.Length, 64))));
        }
    }

    [Fact]
    public void RandomBytesDoNoHarm()
    {
        var random = new Random(7);
        for (var i = 0; i < 2000; i++)
        {
            using var filter = new AuthorityFilter("localhost"u8);
            var bytes = new byte[random.Next(200)];
            random.NextBytes(bytes);
            byte[] input = [.. Preface, .. Frame((FrameType)random.Next(10), (FrameFlags)random.Next(256), random.Next(4), bytes)];
            filter.TryPass(input, new ArrayBufferWriter<byte>(), out var consumed);
            Assert.InRange(consumed, 0, input.Length);
        }
    }

    private static byte[] Pass(byte[] input, int piece)
    {
        using var filter = new AuthorityFilter("localhost"u8);
        var output = new ArrayBufferWriter<byte>();
        var start = 0;
        for (var end = 0; end < input.Length;)
        {
            end = (int)Math.Min((long)end + piece, input.Length);
            Assert.True(filter.TryPass(input.AsSpan(start..end), output, out var consumed));
            start += consumed;
        }

        Assert.Equal(input.Length, start);
        return output.WrittenSpan.ToArray();
    }

    private static byte[] Request(HpackEncoder encoder, int stream, string? authority)
    {
        (string, string)[] fields = [(":method", "POST"), (":scheme", "http"), (":path", "/a/b"), .. authority is null ? [("host", "elsewhere")] : new[] { (":authority", authority) }, ("te", "trailers"), ("token", "secret")];

        // Pseudo headers first.
        return Frame(FrameType.Headers, FrameFlags.EndHeaders, stream, Encode(encoder, fields));
    }

    private static byte[] Encode(HpackEncoder encoder, params (string Name, string Value)[] fields)
    {
        var list = new HeaderList();
        foreach (var (name, value) in fields) list.Add(Encoding.ASCII.GetBytes(name), Encoding.ASCII.GetBytes(value));
        using var output = new OutputBuffer();
        encoder.Encode(list, output);
        return output.Peek().ToArray();
    }

    private static (string, string)[] Decode(HpackDecoder decoder, byte[] block)
    {
        var list = new HeaderList();
        Assert.Equal(HpackResult.Ok, decoder.Decode(block, list, 1 << 20));
        return [.. Enumerable.Range(0, list.Count).Select(i => (Encoding.ASCII.GetString(list[i].Name), Encoding.ASCII.GetString(list[i].Value)))];
    }

    private static byte[] Frame(FrameType type, FrameFlags flags, int stream, byte[] payload)
    {
        var frame = new byte[FrameHeader.Size + payload.Length];
        FrameHeader.Write(frame, payload.Length, type, flags, stream);
        payload.CopyTo(frame, FrameHeader.Size);
        return frame;
    }

    private static (FrameHeader Header, byte[] Payload)[] Frames(byte[] bytes)
    {
        List<(FrameHeader, byte[])> frames = [];
        for (var at = 0; at < bytes.Length;)
        {
            var header = FrameHeader.Read(bytes.AsSpan(at));
            frames.Add((header, bytes[(at + FrameHeader.Size)..(at + FrameHeader.Size + header.Length)]));
            at += FrameHeader.Size + header.Length;
        }

        return [.. frames];
    }
}
