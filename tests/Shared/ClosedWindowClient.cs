using System.Buffers.Binary;
using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Culvert.Tests.Shared;

/// <summary>An HTTP/2 client in the clear that makes gRPC calls with a window of zero: nothing of what the server has to say can be sent (RFC 9113, 5.2).</summary>
internal sealed class ClosedWindowClient : IAsyncDisposable
{
    private const int HeaderSize = 9;
    private const byte Data = 0, Headers = 1, Reset = 3, Settings = 4, Ping = 6;
    private const byte EndStream = 1, EndHeaders = 4, Acknowledge = 1;
    private readonly ConcurrentDictionary<int, TaskCompletionSource<int?>> _ends = new();
    private readonly ConcurrentDictionary<int, TaskCompletionSource> _begins = new();
    private readonly SemaphoreSlim _writing = new(1, 1);
    private readonly NetworkStream _stream;
    private readonly byte[] _headers;
    private Task _reading = Task.CompletedTask;
    private int _nextStream = 1;

    private ClosedWindowClient(NetworkStream stream, byte[] headers) => (_stream, _headers) = (stream, headers);

    /// <summary>Connects and closes its window.</summary>
    public static async Task<ClosedWindowClient> ConnectAsync(EndPoint endPoint, string method, params (string Name, string Value)[] more)
    {
        Socket socket = new(endPoint.AddressFamily, SocketType.Stream, ProtocolType.Unspecified);
        await socket.ConnectAsync(endPoint);
        MemoryStream headers = new();
        foreach ((string name, string value) in more.Prepend(("te", "trailers")).Prepend(("content-type", "application/grpc"))
            .Prepend((":authority", "localhost")).Prepend((":path", method)).Prepend((":scheme", "http")).Prepend((":method", "POST")))
        {
            // A literal without an index, not Huffman-coded (RFC 7541, 6.2.2); nothing here has 127 bytes.
            headers.WriteByte(0);
            foreach (string text in new[] { name, value })
            {
                headers.WriteByte((byte)text.Length);
                headers.Write(Encoding.ASCII.GetBytes(text));
            }
        }
        ClosedWindowClient client = new(new NetworkStream(socket, ownsSocket: true), headers.ToArray());
        await client._stream.WriteAsync("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"u8.ToArray());

        // SETTINGS_INITIAL_WINDOW_SIZE (4) is 0.
        await client.SendAsync(Settings, 0, 0, [0, 4, 0, 0, 0, 0]);
        client._reading = client.ReadAsync();
        return client;
    }

    /// <summary>Makes a call with one message.</summary>
    /// <returns>Ends when the server has ended the call: with the code of its RST_STREAM, or null when it has sent all.</returns>
    public async Task<int?> CallAsync(byte[] message, bool isLast = false)
    {
        int stream = _nextStream;
        _nextStream += 2;
        TaskCompletionSource<int?> end = _ends.GetOrAdd(stream, _ => new(TaskCreationOptions.RunContinuationsAsynchronously));
        byte[] framed = new byte[5 + message.Length];
        BinaryPrimitives.WriteInt32BigEndian(framed.AsSpan(1), message.Length);
        message.CopyTo(framed, 5);
        await SendAsync(Headers, EndHeaders, stream, _headers);
        await SendAsync(Data, isLast ? EndStream : (byte)0, stream, framed);
        return await end.Task;
    }

    /// <summary>Ends when the server has begun to answer the newest call.</summary>
    public Task HeadersAsync() => _begins.GetOrAdd(_nextStream - 2, _ => new(TaskCreationOptions.RunContinuationsAsynchronously)).Task;

    public async ValueTask DisposeAsync()
    {
        await _stream.DisposeAsync();
        await _reading;
        _writing.Dispose();
    }

    private async Task SendAsync(byte type, byte flags, int stream, byte[] payload)
    {
        byte[] frame = new byte[HeaderSize + payload.Length];
        BinaryPrimitives.WriteInt32BigEndian(frame, payload.Length << 8);
        (frame[3], frame[4]) = (type, flags);
        BinaryPrimitives.WriteInt32BigEndian(frame.AsSpan(5), stream);
        payload.CopyTo(frame, HeaderSize);
        await _writing.WaitAsync();
        try
        {
            await _stream.WriteAsync(frame);
        }
        finally
        {
            _writing.Release();
        }
    }

    private async Task ReadAsync()
    {
        byte[] header = new byte[HeaderSize];
        try
        {
            while (true)
            {
                await _stream.ReadExactlyAsync(header);
                byte[] payload = new byte[BinaryPrimitives.ReadInt32BigEndian(header) >>> 8];
                await _stream.ReadExactlyAsync(payload);
                (byte type, byte flags, int stream) = (header[3], header[4], BinaryPrimitives.ReadInt32BigEndian(header.AsSpan(5)));
                if (type is Settings or Ping && (flags & Acknowledge) == 0) await SendAsync(type, Acknowledge, 0, type == Ping ? payload : []);
                if (type == Headers) _begins.GetOrAdd(stream, _ => new(TaskCreationOptions.RunContinuationsAsynchronously)).TrySetResult();
                if (type == Reset) _ends[stream].TrySetResult(BinaryPrimitives.ReadInt32BigEndian(payload));
                if (type is Headers or Data && (flags & EndStream) != 0) _ends[stream].TrySetResult(null);
            }
        }
        catch (Exception e) when (e is IOException or ObjectDisposedException)
        {
            foreach (TaskCompletionSource begin in _begins.Values) begin.TrySetException(new IOException("The connection is closed.", e));
            foreach (TaskCompletionSource<int?> end in _ends.Values) end.TrySetException(new IOException("The connection is closed.", e));
        }
    }
}
