using Culvert.Http2.Frames;

namespace Culvert.Http2.Tests.Support;

/// <summary>One connection under test with a recorder; the test plays its peer with raw frames.</summary>
internal sealed class Endpoint
{
    public Endpoint(Http2Role role, Http2Options? options = null, bool handshake = true)
    {
        Recorder = new Recorder();
        Connection = new Http2Connection(role, options ?? Http2Options.Default, Recorder, Time);
        Recorder.Connection = Connection;
        Connection.Start();
        if (!handshake) return;
        var wire = new Wire();
        if (role == Http2Role.Server) wire.Preface();
        Send(wire.Settings().SettingsAck());
        Output();
    }

    public ManualTime Time { get; } = new();

    public Recorder Recorder { get; }

    public Http2Connection Connection { get; }

    public Http2ReceiveResult Send(Wire wire) => Connection.Receive(wire.Bytes);

    /// <summary>Takes all output and returns it as frames.</summary>
    public List<(FrameHeader Head, byte[] Payload)> Output()
    {
        var bytes = Connection.PeekOutput().ToArray().AsSpan();
        Connection.AdvanceOutput(bytes.Length);
        if (bytes.StartsWith("PRI "u8)) bytes = bytes[24..];
        var frames = new List<(FrameHeader, byte[])>();
        while (bytes.Length > 0)
        {
            var head = FrameHeader.Read(bytes);
            frames.Add((head, bytes.Slice(FrameHeader.Size, head.Length).ToArray()));
            bytes = bytes[(FrameHeader.Size + head.Length)..];
        }

        return frames;
    }

    /// <summary>Output as text: type, stream, length, flags or code.</summary>
    public string OutputText() => string.Join('\n', Output().Select(Describe));

    public Http2Stream Open(bool end = false, params (string Name, string Value)[] fields)
    {
        var stream = Connection.OpenStream(List(fields.Length == 0 ? Wire.Get : fields), end, null);
        Assert.NotNull(stream);
        Recorder.Streams[stream.Id] = stream;
        return stream;
    }

    public static HeaderList List(params (string Name, string Value)[] fields)
    {
        var list = new HeaderList();
        foreach (var (name, value) in fields) list.Add(System.Text.Encoding.Latin1.GetBytes(name), System.Text.Encoding.Latin1.GetBytes(value));
        return list;
    }

    private static string Describe((FrameHeader Head, byte[] Payload) frame)
    {
        var (head, payload) = frame;
        return head.Type switch
        {
            FrameType.RstStream => $"RST {head.StreamId} {(Http2ErrorCode)payload[3]}",
            FrameType.GoAway => $"GOAWAY {(payload[0] << 24) | (payload[1] << 16) | (payload[2] << 8) | payload[3]} {(Http2ErrorCode)payload[7]}",
            FrameType.WindowUpdate => $"WINDOW {head.StreamId} {(payload[0] << 24) | (payload[1] << 16) | (payload[2] << 8) | payload[3]}",
            FrameType.Data or FrameType.Headers => $"{head.Type} {head.StreamId}{(head.Type == FrameType.Data ? $" {head.Length}" : "")}{(head.Has(FrameFlags.EndStream) ? " end" : "")}",
            FrameType.Settings or FrameType.Ping => $"{head.Type}{(head.Has(FrameFlags.Ack) ? " ack" : "")}",
            _ => $"{head.Type} {head.StreamId} {head.Length}",
        };
    }
}
