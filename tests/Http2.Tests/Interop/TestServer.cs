using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Culvert.Http2.Tests.Interop;

/// <summary>
/// HTTP/2 with prior knowledge on loopback, a thread per connection: GET /bytes/N sends N bytes, anything else echoes its body; every response has a trailer.
/// </summary>
internal sealed class TestServer : IDisposable
{
    private readonly Socket _listener = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
    private readonly Thread _acceptor;
    private readonly List<Socket> _accepted = [];
    private readonly List<Thread> _threads = [];

    public TestServer()
    {
        _listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        _listener.Listen(128);
        _acceptor = new Thread(Accept);
        _acceptor.Start();
    }

    public int Port => ((IPEndPoint)_listener.LocalEndPoint!).Port;

    public List<Http2ReceiveResult> Results { get; } = [];

    public void Dispose()
    {
        _listener.Dispose();
        _acceptor.Join();
        foreach (var socket in _accepted) socket.Dispose();
        foreach (var thread in _threads) thread.Join();
    }

    private void Accept()
    {
        try
        {
            while (true)
            {
                var socket = _listener.Accept();
                var thread = new Thread(() => Serve(socket));
                _accepted.Add(socket);
                _threads.Add(thread);
                thread.Start();
            }
        }
        catch (SocketException)
        {
            // The listener was disposed: the end.
        }
        catch (ObjectDisposedException)
        {
            // The same, a moment later.
        }
    }

    private void Serve(Socket socket)
    {
        var handler = new Handler();
        try
        {
            SocketDriver.Run(socket, handler.Connection);
        }
        catch (SocketException)
        {
            // The client went away without closing in order, or the test is over.
        }
        catch (ObjectDisposedException)
        {
            // The test is over.
        }

        lock (Results) Results.Add(handler.Connection.Result);
    }

    private sealed class Handler : IHttp2Handler
    {
        private readonly HeaderList _headers = new();
        private readonly HeaderList _trailers = new HeaderList().Add("x-trailer"u8, "done"u8);

        public Handler() => Connection = new Http2Connection(Http2Role.Server, Http2Options.Default, this, TimeProvider.System);

        public Http2Connection Connection { get; }

        public void OnHeaders(Http2Stream stream, HeaderList headers, Http2HeadersKind kind, bool endStream)
        {
            if (kind == Http2HeadersKind.Request)
            {
                var exchange = new Exchange();
                stream.State = exchange;
                var path = Encoding.ASCII.GetString(headers.Path);
                _headers.Clear();
                _headers.AddStatus(200).Add("x-method"u8, headers.Method).Add("server"u8, "culvert-test"u8);
                Connection.SendHeaders(stream, _headers, false);
                if (path.StartsWith("/bytes/", StringComparison.Ordinal))
                {
                    exchange.Body = new byte[int.Parse(path.AsSpan(7), System.Globalization.CultureInfo.InvariantCulture)];
                    new Random(1).NextBytes(exchange.Body);
                    exchange.Length = exchange.Body.Length;
                    exchange.Complete = true;
                }
            }

            if (endStream) ((Exchange)stream.State!).Complete = true;
            Continue(stream);
        }

        public void OnData(Http2Stream stream, ReadOnlySpan<byte> data, bool endStream)
        {
            var exchange = (Exchange)stream.State!;
            exchange.Append(data);
            // At once: clients that read nothing before their body is sent would wait for ever.
            Connection.Consumed(stream, data.Length);
            exchange.Complete |= endStream;
            Continue(stream);
        }

        public void OnWindowAvailable(Http2Stream stream) => Continue(stream);

        public void OnReset(Http2Stream stream, Http2ErrorCode code)
        {
        }

        public void OnStreamClosed(Http2Stream stream)
        {
        }

        public void OnGoAway(int lastStreamId, Http2ErrorCode code, ReadOnlySpan<byte> debugData)
        {
        }

        public void OnPingAck(ulong opaque)
        {
        }

        public void OnSettings()
        {
        }

        private void Continue(Http2Stream stream)
        {
            var exchange = (Exchange)stream.State!;
            if (exchange.Length > exchange.Sent)
            {
                Connection.SendData(stream, exchange.Body.AsSpan(exchange.Sent, exchange.Length - exchange.Sent), false, out var sent);
                exchange.Sent += sent;
            }

            if (exchange.Complete && exchange.Sent == exchange.Length) Connection.SendHeaders(stream, _trailers, true);
        }

        private sealed class Exchange
        {
            public byte[] Body = [];
            public int Length;
            public int Sent;
            public bool Complete;

            public void Append(ReadOnlySpan<byte> data)
            {
                if (Body.Length - Length < data.Length) Array.Resize(ref Body, Math.Max(Length + data.Length, Body.Length * 2));
                data.CopyTo(Body.AsSpan(Length));
                Length += data.Length;
            }
        }
    }
}
