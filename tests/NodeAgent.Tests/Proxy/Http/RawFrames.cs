using System.Buffers.Binary;
using System.Net.Sockets;
using System.Text;

namespace Culvert.NodeAgent.Tests.Proxy.Http;

/// <summary>A far end of HTTP/2 that takes frames apart only as far as it counts them, and keeps nothing of them: what its test measures is the proxies'.</summary>
internal sealed class RawFrames : IDisposable
{
    private const int HeaderSize = 9;

    private readonly Socket _socket;
    private readonly byte[] _header = new byte[HeaderSize];
    private readonly Action _counted;
    private int _headerLength;
    private int _skip;
    private int _heads;
    private int _resets;
    private int _settings;

    /// <summary>Takes over a socket, which it reads until the end.</summary>
    /// <param name="socket">The socket.</param>
    /// <param name="counted">Called for each frame that is counted; on any thread.</param>
    /// <param name="isServer">Whether the peer begins with the preface of a client.</param>
    internal RawFrames(Socket socket, Action counted, bool isServer = false)
    {
        (_socket, _counted, _skip) = (socket, counted, isServer ? Preface.Length : 0);
        Reading = Task.Run(ReadAsync);
    }

    /// <summary>Ends with the connection.</summary>
    internal Task Reading { get; }

    /// <summary>HEADERS that have come.</summary>
    internal int Heads => Volatile.Read(ref _heads);

    /// <summary>RST_STREAM that have come.</summary>
    internal int Resets => Volatile.Read(ref _resets);

    /// <summary>Settings, and that the peer's have been received, as a server begins.</summary>
    internal static byte[] ServerStart(int maxStreams)
    {
        byte[] settings = new byte[6];
        BinaryPrimitives.WriteUInt16BigEndian(settings, 3); // SETTINGS_MAX_CONCURRENT_STREAMS
        BinaryPrimitives.WriteInt32BigEndian(settings.AsSpan(2), maxStreams);
        return [.. Frame(4, 0, 0, settings), .. Frame(4, 1, 0, [])];
    }

    /// <summary>SETTINGS that have come, those that say that this end's were received aside.</summary>
    internal int Settings => Volatile.Read(ref _settings);

    /// <summary>What a client begins with.</summary>
    internal static byte[] ClientStart() => [.. Preface, .. Frame(4, 0, 0, []), .. Frame(4, 1, 0, [])];

    /// <summary>Requests whose heads have fields of 1,000 bytes each, which no table of HPACK has.</summary>
    /// <param name="count">How many requests.</param>
    /// <param name="fields">How many fields, beyond those that say what is asked for.</param>
    /// <param name="method">The method.</param>
    /// <param name="endStream">Whether nothing follows.</param>
    internal static byte[] Requests(int count, int fields, string method, bool endStream)
    {
        List<byte> block = [.. Literal(":method", method), .. Literal(":scheme", "http"), .. Literal(":path", "/x"), .. Literal(":authority", "shop")];
        for (int i = 0; i < fields; i++) block.AddRange(Literal($"x{i}", new string('v', 1000)));
        byte[] head = [.. block];
        using MemoryStream all = new();
        for (int i = 0; i < count; i++)
        {
            for (int at = 0; at < head.Length; at += 16_000)
            {
                int size = Math.Min(16_000, head.Length - at);
                int flags = (at == 0 && endStream ? 1 : 0) | (at + size == head.Length ? 4 : 0);
                all.Write(Frame(at == 0 ? 1 : 9, flags, (2 * i) + 1, head.AsSpan(at, size)));
            }
        }

        return all.ToArray();
    }

    private static ReadOnlySpan<byte> Preface => "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"u8;

    internal Task SendAsync(byte[] bytes) => _socket.SendAllAsync(bytes);

    public void Dispose() => _socket.Dispose();

    private static byte[] Frame(int type, int flags, int stream, ReadOnlySpan<byte> payload)
    {
        byte[] frame = new byte[HeaderSize + payload.Length];
        BinaryPrimitives.WriteInt32BigEndian(frame, payload.Length << 8);
        (frame[3], frame[4]) = ((byte)type, (byte)flags);
        BinaryPrimitives.WriteInt32BigEndian(frame.AsSpan(5), stream);
        payload.CopyTo(frame.AsSpan(HeaderSize));
        return frame;
    }

    // Without indexing, the name new (RFC 7541, section 6.2.2).
    private static byte[] Literal(string name, string value) => [0, .. Text(name), .. Text(value)];

    private static byte[] Text(string text)
    {
        List<byte> length = [];
        int left = text.Length;
        if (left < 127)
        {
            length.Add((byte)left);
        }
        else
        {
            length.Add(127);
            for (left -= 127; left >= 128; left >>= 7) length.Add((byte)((left & 127) | 128));
            length.Add((byte)left);
        }

        return [.. length, .. Encoding.Latin1.GetBytes(text)];
    }

    private async Task ReadAsync()
    {
        byte[] room = new byte[64 << 10];
        try
        {
            while (await _socket.ReceiveAsync(room) is > 0 and int count) Take(room.AsSpan(0, count));
        }
        catch (Exception exception) when (exception is SocketException or ObjectDisposedException)
        {
            // It is over.
        }

        _counted();
    }

    private void Take(ReadOnlySpan<byte> bytes)
    {
        while (!bytes.IsEmpty)
        {
            if (_skip > 0)
            {
                int skipped = Math.Min(_skip, bytes.Length);
                _skip -= skipped;
                bytes = bytes[skipped..];
                continue;
            }

            _header[_headerLength++] = bytes[0];
            bytes = bytes[1..];
            if (_headerLength < HeaderSize) continue;
            _headerLength = 0;
            _skip = BinaryPrimitives.ReadInt32BigEndian(_header) >>> 8;
            Count(_header[3]);
        }
    }

    private void Count(byte type)
    {
        if (type is not (1 or 3 or 4)) return;
        if (type == 1) Interlocked.Increment(ref _heads);
        else if (type == 3) Interlocked.Increment(ref _resets);
        else if (_header[4] == 0) Interlocked.Increment(ref _settings);
        _counted();
    }
}
