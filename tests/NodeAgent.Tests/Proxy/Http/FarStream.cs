using System.Text;
using System.Threading.Channels;
using Culvert.Http2;
using Culvert.NodeAgent.Proxy.Transport;
using Culvert.NodeAgent.Tests.Proxy.Transport;

namespace Culvert.NodeAgent.Tests.Proxy.Http;

/// <summary>A stream of a far end, which says what has come by it, in order: heads, data, and how it ended.</summary>
/// <param name="lab">The loop.</param>
/// <param name="driver">Its connection.</param>
internal sealed class FarStream(TransportLab lab, Http2Driver driver) : IHttp2StreamUser
{
    private readonly Channel<string> _said = Channel.CreateUnbounded<string>();
    private readonly StringBuilder _data = new();
    private Http2Stream? _stream;

    /// <summary>Whether what comes is taken at once; otherwise its sender's window stays small.</summary>
    internal bool TakesData { get; set; } = true;

    /// <summary>Bytes that have come.</summary>
    internal long Received { get; private set; }

    internal void Begin(Http2Stream stream)
    {
        _stream = stream;
        stream.State = this;
    }

    /// <summary>What comes next: a head, data up to its end, or a reset.</summary>
    internal Task<string> NextAsync() => _said.Reader.ReadAsync().AsTask().WaitAsync(TimeSpan.FromSeconds(20));

    internal async Task ExpectAsync(params string[] said)
    {
        foreach (string expected in said) Assert.Equal(expected, await NextAsync());
    }

    /// <summary>Sends a head, or trailers.</summary>
    internal Task SayAsync(string fields, bool end) => DoAsync(stream => driver.Http2.SendHeaders(stream, FarHttp2.Parse(fields), end));

    /// <summary>Sends data; what there is no window for is lost.</summary>
    /// <returns>How many bytes went.</returns>
    internal Task<int> SendAsync(ReadOnlyMemory<byte> data, bool end) => lab.OnLoopAsync(() =>
    {
        driver.Http2.SendData(_stream!, data.Span, end, out int sent);
        driver.ScheduleFlush();
        return sent;
    });

    internal Task SendAsync(string data, bool end) => SendAsync(Encoding.Latin1.GetBytes(data), end);

    internal Task ResetAsync(Http2ErrorCode code) => DoAsync(stream => driver.Http2.Reset(stream, code));

    internal void Tell(string fields, bool end) => _said.Writer.TryWrite(end ? $"{fields}\n(end)" : fields);

    void IHttp2StreamUser.OnHeaders(HeaderList headers, Http2HeadersKind kind, bool endStream)
    {
        TellData();
        Tell(FarHttp2.Text(headers), endStream);
    }

    void IHttp2StreamUser.OnData(ReadOnlySpan<byte> data, bool endStream)
    {
        Received += data.Length;
        if (_data.Length < 4096) _data.Append(Encoding.Latin1.GetString(data));
        if (TakesData) driver.Http2.Consumed(_stream!, data.Length);
        driver.ScheduleFlush();
        if (!endStream) return;
        TellData();
        _said.Writer.TryWrite("(end)");
    }

    void IHttp2StreamUser.OnReset(Http2ErrorCode code, bool connectionBroken)
    {
        TellData();
        _said.Writer.TryWrite(connectionBroken ? "(broken)" : $"(reset {code})");
    }

    void IHttp2StreamUser.OnStreamClosed() => _stream = null;

    void IHttp2StreamUser.OnWindowAvailable()
    {
        // Tests send what fits.
    }

    private void TellData()
    {
        if (_data.Length > 0) _said.Writer.TryWrite(_data.ToString());
        _data.Clear();
    }

    private Task DoAsync(Action<Http2Stream> act) => lab.OnLoopAsync(() =>
    {
        if (_stream is not null) act(_stream);
        driver.ScheduleFlush();
        return true;
    });
}
