using System.Text;

namespace Culvert.Http2.Tests.Support;

/// <summary>A handler that writes down what happens, one line per event; neighbouring DATA of a stream is one line.</summary>
internal sealed class Recorder : IHttp2Handler
{
    private readonly List<string> _events = [];
    private (int Id, long Bytes) _data;

    public Http2Connection Connection { get; set; } = null!;

    public bool AutoConsume { get; set; } = true;

    public Dictionary<int, Http2Stream> Streams { get; } = [];

    public Action<Http2Stream, HeaderList, Http2HeadersKind, bool>? Headers { get; set; }

    public Action<Http2Stream, int, bool>? Data { get; set; }

    public Action<Http2Stream>? Window { get; set; }

    public Action<Http2Stream>? Closed { get; set; }

    public IReadOnlyList<string> Events
    {
        get
        {
            Flush();
            return _events;
        }
    }

    public string Text => string.Join('\n', Events);

    public void OnHeaders(Http2Stream stream, HeaderList headers, Http2HeadersKind kind, bool endStream)
    {
        Streams[stream.Id] = stream;
        var text = new StringBuilder();
        for (var i = 0; i < headers.Count; i++)
        {
            var field = headers[i];
            text.Append(' ').Append(Encoding.Latin1.GetString(field.Name)).Append('=').Append(Encoding.Latin1.GetString(field.Value));
        }

        Log($"{stream.Id} {kind}{text}{(endStream ? " end" : "")}");
        Headers?.Invoke(stream, headers, kind, endStream);
    }

    public void OnData(Http2Stream stream, ReadOnlySpan<byte> data, bool endStream)
    {
        if (_data.Id != stream.Id) Flush();
        _data = (stream.Id, _data.Bytes + data.Length);
        if (endStream)
        {
            Flush();
            Log($"{stream.Id} end");
        }

        if (AutoConsume) Connection.Consumed(stream, data.Length);
        Data?.Invoke(stream, data.Length, endStream);
    }

    public void OnReset(Http2Stream stream, Http2ErrorCode code)
    {
        Log($"{stream.Id} reset {code}");
    }

    public void OnStreamClosed(Http2Stream stream)
    {
        Log($"{stream.Id} closed");
        Closed?.Invoke(stream);
    }

    public void OnWindowAvailable(Http2Stream stream)
    {
        if (Window is null) Log($"{stream.Id} window"); else Window(stream);
    }

    public void OnGoAway(int lastStreamId, Http2ErrorCode code, ReadOnlySpan<byte> debugData) =>
        Log($"goaway {lastStreamId} {code} {Encoding.UTF8.GetString(debugData)}");

    public void OnPingAck(ulong opaque) => Log($"pong {opaque:x}");

    /// <summary>Window that streams may grow by, together.</summary>
    public int Room { get; set; } = int.MaxValue;

    /// <summary>Window that streams have grown by.</summary>
    public int Granted { get; private set; }

    public bool MayWiden(int bytes)
    {
        if (bytes > Room - Granted) return false;
        Granted += bytes;
        return true;
    }

    public void OnNarrowed(int bytes)
    {
        Granted -= bytes;
        Assert.True(Granted >= 0);
    }

    public void OnSettings() => Log("settings");

    private void Log(string line)
    {
        Flush();
        _events.Add(line);
    }

    private void Flush()
    {
        if (_data.Bytes > 0) _events.Add($"{_data.Id} data {_data.Bytes}");
        _data = default;
    }
}
