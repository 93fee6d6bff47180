using System.Text;
using static Culvert.Http1.Tests.Heads;

namespace Culvert.Http1.Tests;

/// <summary>Seeded and bounded: whatever comes, in whatever pieces, is read or refused the same way, and what is read is written so that it is read as the same again.</summary>
public sealed class FuzzTests
{
    private static readonly string[] Pieces =
    [
        "GET", "POST", "HEAD", "CONNECT", "OPTIONS", " ", "  ", "/", "/a?b", "*", "http://h/p", "h:80", " HTTP/1.1", " HTTP/1.0", " HTTP/2.0", "\r\n", "\r\n", "\r\n", "\n", "\r", "\0", "\t",
        "Host: x", "Host:", "Host: x, y", "Content-Length: 3", "Content-Length: -1", "Content-Length: 3, 3", "Transfer-Encoding: chunked", "Transfer-Encoding: gzip, chunked",
        "Connection: close", "Connection: x-a, te", "Connection: upgrade", "Upgrade: websocket", "TE: trailers", "Expect: 100-continue", "X-A: 1", "x-b:\t2 ", " folded", ": empty", "A b: c", "\u00e4: \u00e4",
    ];

    private static readonly string[] ChunkPieces = ["5\r\nhello\r\n", "3;x\r\nabc\r\n", "0A\r\n0123456789\r\n", "0", "1", "5", "a", "ffffffffffffffff", ";x", ";y=\"z\"", "\r\n", "\r\n", "\n", "hello", "X-T: 1", "Host: x", "Content-Length: 1", " ", "\0"];

    private static readonly Http1Limits Small = new() { MaxStartLine = 64, MaxHead = 256, MaxFields = 6 };

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void HeadsOfPieces(bool isRequest)
    {
        var random = new Random(1_100);
        var outcomes = new Dictionary<string, int>();
        for (var round = 0; round < 60_000; round++)
        {
            var bytes = Bytes(isRequest ? Text(random) : ResponseText(random));
            var whole = Read(bytes, bytes.Length, isRequest, out var head);
            var piecewise = Read(bytes, 1 + random.Next(7), isRequest, out _);

            // A refusal may come before the rest has; but what is taken is the same.
            if (!whole.Contains('|') || !piecewise.Contains('|')) Assert.Equal(whole.Contains('|'), piecewise.Contains('|'));
            else Assert.Equal(whole, piecewise);
            var outcome = whole.Contains('|') ? "read" : whole;
            outcomes[outcome] = outcomes.GetValueOrDefault(outcome) + 1;
            if (outcome == "read") AssertWrittenTheSame(head, isRequest, whole);
        }

        // The texts must get somewhere, or nothing was tried.
        Assert.InRange(outcomes.GetValueOrDefault("read"), 500, 55_000);
        Assert.True(outcomes.Count >= 12, string.Join('\n', outcomes));
    }

    [Fact]
    public void ChunksOfPieces()
    {
        var random = new Random(1_200);
        int ended = 0, refused = 0;
        for (var round = 0; round < 60_000; round++)
        {
            var text = new StringBuilder(random.Next(2) == 0 ? "5\r\nhello\r\n" : "");
            for (var i = random.Next(4); i >= 0; i--) text.Append(ChunkPieces[random.Next(ChunkPieces.Length)]);
            if (random.Next(2) == 0) text.Append("0\r\n\r\n");
            var bytes = Bytes(text.ToString());
            var whole = ReadChunks(bytes, bytes.Length);
            Assert.Equal(whole, ReadChunks(bytes, 1 + random.Next(5)));
            if (whole.StartsWith("end ", StringComparison.Ordinal)) ended++;
            if (whole.StartsWith("refused", StringComparison.Ordinal)) refused++;
        }

        Assert.True(ended > 1_000 && refused > 1_000, $"{ended} ended, {refused} refused");
    }

    [Fact]
    public void RandomBytes()
    {
        var random = new Random(1_300);
        var bytes = new byte[400];
        for (var round = 0; round < 30_000; round++)
        {
            random.NextBytes(bytes);
            var length = random.Next(bytes.Length);
            Read(bytes.AsSpan(0, length), 1 + random.Next(100), isRequest: round % 2 == 0, out _);
            ReadChunks(bytes.AsSpan(0, length), 1 + random.Next(100));
        }
    }

    private static string Text(Random random)
    {
        var text = new StringBuilder(random.Next(4) > 0 ? "POST /a HTTP/1.1\r\nHost: x\r\n" : "");
        for (var i = random.Next(6); i >= 0; i--)
        {
            text.Append(Pieces[random.Next(Pieces.Length)]);
            if (random.Next(3) > 0) text.Append("\r\n");
        }

        return text.Append(random.Next(8) > 0 ? "\r\n\r\n" : "").ToString();
    }

    private static string ResponseText(Random random)
    {
        var status = random.Next(4) switch { 0 => 100 + random.Next(4), 1 => 200 + random.Next(7), 2 => 304, _ => random.Next(1_100) };
        var text = new StringBuilder(random.Next(8) > 0 ? $"HTTP/1.{random.Next(2)} {status} x\r\n" : "");
        return text.Append(Text(random).Replace("POST /a HTTP/1.1\r\n", "", StringComparison.Ordinal)).ToString();
    }

    private static string Read(ReadOnlySpan<byte> bytes, int piece, bool isRequest, out Http1Head head)
    {
        var reader = new Http1HeadReader(Small);
        head = new Http1Head();
        for (var length = Math.Min(piece, bytes.Length); ; length = Math.Min(length + piece, bytes.Length))
        {
            var result = isRequest ? reader.ReadRequest(bytes[..length], head) : reader.ReadResponse(bytes[..length], isHead: false, head);
            Assert.InRange(result.Consumed, 0, length);
            if (!result.NeedsMore || length == bytes.Length) return Told(result, head);
        }
    }

    private static string ReadChunks(ReadOnlySpan<byte> bytes, int piece)
    {
        var reader = new ChunkedReader(Small);
        reader.Begin();
        var content = new StringBuilder();
        int from = 0, to = 0;
        while (true)
        {
            var result = reader.Read(bytes[from..to]);
            if (result.Refusal is not null) return "refused";
            content.Append(Encoding.Latin1.GetString(bytes[from..to][result.Data]));
            from += result.Consumed;
            if (result.IsEnd) return $"end {content} {Fields(reader.Trailers)}";
            if (result.Consumed > 0) continue;
            if (to == bytes.Length) return $"more {content}";
            to = Math.Min(bytes.Length, to + piece);
        }
    }

    private static void AssertWrittenTheSame(Http1Head head, bool isRequest, string read)
    {
        if (head.Fields.Method.SequenceEqual("CONNECT"u8)) return; // has no path: it is never written
        var form = new HeadForm
        {
            IsChunked = head.Body == BodyKind.Chunked,
            ExpectsContinue = head.ExpectsContinue,
            Upgrade = head.Upgrade,
            Connection = head.IsKeptAlive ? ConnectionOption.KeepAlive : ConnectionOption.Close,
        };
        var room = new byte[2_048];
        Assert.True(isRequest ? Http1HeadWriter.TryWriteRequest(head.Fields, form, room, out var length) : Http1HeadWriter.TryWriteResponse(head.Fields, form, room, out length));
        var again = new Http1Head();
        var reader = new Http1HeadReader(Http1Limits.Default);
        var result = isRequest ? reader.ReadRequest(room.AsSpan(0, length), again) : reader.ReadResponse(room.AsSpan(0, length), isHead: false, again);

        // What is of the sender's version alone changes: we are the sender now.
        if (head.IsVersion10 || read.Contains(":scheme=", StringComparison.Ordinal)) Assert.Null(result.Refusal);
        else Assert.Equal(Sorted(read), Sorted(Told(result, again)));
    }

    // Fields of the connection are written last.
    private static string Sorted(string told) => string.Join('|', told.Split('|').Order(StringComparer.Ordinal));
}
