using System.Globalization;
using System.Runtime.CompilerServices;
using System.Text;
using System.Threading.Channels;
using Culvert.Core;
using Culvert.Http2;
using Culvert.NodeAgent.Proxy.Limits;
using Culvert.NodeAgent.Proxy.Transport;
using Culvert.NodeAgent.Tests.Proxy.Transport;

namespace Culvert.NodeAgent.Tests.Proxy.Http;

/// <summary>One far end that speaks HTTP/2: a client whose streams a test opens, or a server whose streams it awaits. May be used on any thread.</summary>
internal sealed class FarHttp2 : IHttp2Requests<Http2Driver>
{
    private readonly TransportLab _lab;
    private readonly Channel<FarStream> _requests = Channel.CreateUnbounded<FarStream>();
    private readonly Http2Driver _driver;

    /// <summary>Makes one; on the loop.</summary>
    internal FarHttp2(TransportLab lab, ITransport transport, bool isServer, Http2Options options)
    {
        _lab = lab;
        _driver = new Http2Driver(transport, isServer ? this : null, options, TimeSpan.FromMinutes(1), BudgetHolder.Of(SpiffeId.ForServiceAccount("culvert.test", "default", isServer ? "far-server" : "far-client")), TimeProvider.System);
        Running = _driver.RunAsync().AsTask();
    }

    /// <summary>Ends with the connection.</summary>
    internal Task Running { get; }

    /// <summary>Whether the other side has said that it takes no more streams.</summary>
    internal Task<bool> IsDrainingAsync() => _lab.OnLoopAsync(() => _driver.Http2.IsDraining);

    /// <summary>Sends a request, as a client that has not heard yet how few streams its peer takes.</summary>
    internal Task<FarStream> AskAsync(string fields, bool end) => _lab.OnLoopAsync(() =>
    {
        SetPeerLimit(_driver.Http2, 1000);
        FarStream stream = new(_lab, _driver);
        stream.Begin(_driver.Http2.OpenStream(Parse(fields), end, stream) ?? throw new InvalidOperationException("no stream can be opened"));
        _driver.ScheduleFlush();
        return stream;
    });

    /// <summary>Awaits a request.</summary>
    internal Task<FarStream> RequestAsync() => _requests.Reader.ReadAsync().AsTask().WaitAsync(TimeSpan.FromSeconds(20));

    internal Task DrainAsync() => DoAsync(_driver.Drain);

    internal Task CloseAsync() => DoAsync(_driver.Close);

    /// <summary>Fields, one to a line: name, space, value.</summary>
    internal static HeaderList Parse(string fields)
    {
        HeaderList list = new();
        foreach (string line in fields.Split('\n'))
        {
            int space = line.IndexOf(' ', StringComparison.Ordinal);
            list.Add(Encoding.Latin1.GetBytes(line[..space]), Encoding.Latin1.GetBytes(line[(space + 1)..]));
        }

        return list;
    }

    internal static string Text(HeaderList fields)
    {
        List<string> lines = [];
        for (int i = 0; i < fields.Count; i++) lines.Add(string.Create(CultureInfo.InvariantCulture, $"{Encoding.Latin1.GetString(fields[i].Name)} {Encoding.Latin1.GetString(fields[i].Value)}"));
        return string.Join('\n', lines);
    }

    void IHttp2Requests<Http2Driver>.OnRequest(Http2Driver connection, Http2Stream stream, HeaderList headers, bool endStream)
    {
        FarStream far = new(_lab, connection);
        far.Begin(stream);
        far.Tell(Text(headers), endStream);
        _requests.Writer.TryWrite(far);
    }

    private Task DoAsync(Action act) => _lab.OnLoopAsync(() =>
    {
        act();
        return true;
    });

    [UnsafeAccessor(UnsafeAccessorKind.Method, Name = "set_" + nameof(Http2Connection.PeerMaxConcurrentStreams))]
    private static extern void SetPeerLimit(Http2Connection connection, int value);
}
