using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using Culvert.Interop.Sockets;
using Culvert.NodeAgent.Proxy.Transport;

namespace Culvert.NodeAgent.Proxy.Tunnel;

/// <summary>
/// Waits for the first record of a peer's TLS (RFC 8446, section 5.1) in the kernel's buffer, so that those who say nothing, or a byte now and then, cost no TLS
/// object. On the loop's thread.
/// </summary>
internal static class FirstRecord
{
    private const int HeaderLength = 5;
    private const byte Handshake = 22;
    private const byte ClientHello = 1;

    // A ClientHello has no more than a record of plaintext can (RFC 8446, 5.1); those of today have 200 bytes to 2 KB.
    private const int MaxLength = 1 << 14;

    /// <summary>Returns when the record is there whole, or the socket was closed by this side.</summary>
    /// <returns>Null, or why this is no beginning of TLS.</returns>
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    internal static async ValueTask<string?> ReceiveAsync(LoopSocket socket)
    {
        while (true)
        {
            if (socket.IsClosed) return null;
            if (TryPeek(socket, out string? refusal)) return refusal;
            if (!await socket.ReadableAsync()) return null;
        }
    }

    private static bool TryPeek(LoopSocket socket, out string? refusal)
    {
        Span<byte> buffer = socket.Loop.Scratch.AsSpan(0, HeaderLength + MaxLength);
        IoResult peeked = socket.Peek(buffer);
        refusal = null;
        if (peeked.WouldBlock) return false;
        if (!peeked.Succeeded) refusal = $"socket error {peeked.Error}";
        else if (peeked.Count == 0) refusal = "the peer closed the connection during the handshake";
        else if (!IsPossible(buffer[..peeked.Count])) refusal = "the peer does not speak TLS";
        if (refusal is not null || IsWhole(buffer[..peeked.Count])) return true;

        // What is there stays there: only more of it is news. After the end there will be none.
        socket.ReadBlocked();
        if (!socket.CanRead) return false;
        refusal = "the peer closed the connection during the handshake";
        return true;
    }

    private static bool IsPossible(ReadOnlySpan<byte> start) =>
        start[0] == Handshake
        && (start.Length < 2 || start[1] == 3)
        && (start.Length < HeaderLength || LengthOf(start) is > 0 and <= MaxLength)
        && (start.Length <= HeaderLength || start[HeaderLength] == ClientHello);

    private static bool IsWhole(ReadOnlySpan<byte> start) => start.Length >= HeaderLength && start.Length >= HeaderLength + LengthOf(start);

    private static int LengthOf(ReadOnlySpan<byte> start) => BinaryPrimitives.ReadUInt16BigEndian(start[3..]);
}
