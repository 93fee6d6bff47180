using System.Runtime.InteropServices;
using Culvert.Interop.Native;
using Tmds.Linux;

namespace Culvert.Interop.Sockets;

/// <summary>
/// Gathers datagrams for many connected sockets and sends those of one socket in one call; runs of equal size go as one GSO batch
/// that the kernel cuts up (UDP_SEGMENT, Linux 4.18). Bounded. Belongs to one thread.
/// </summary>
public sealed unsafe class DatagramSender
{
    /// <summary>Datagrams that can wait, of all sockets together.</summary>
    public const int Capacity = 256;

    // Room for what one call of a receiver usually brings; the largest datagram always fits when nothing else waits.
    private const int ArenaSize = 1 << 20;
    private const int MaxSegments = 64;
    private const int MaxBatch = 64_000;
    private const int MaxPayload = 65_527;
    private const int ControlSize = 24;

    private readonly byte[] _arena = GC.AllocateUninitializedArray<byte>(ArenaSize, pinned: true);
    private readonly Entry[] _entries = new Entry[Capacity];
    private readonly Libc.mmsghdr[] _messages = GC.AllocateArray<Libc.mmsghdr>(Capacity, pinned: true);
    private readonly Libc.iovec[] _vectors = GC.AllocateArray<Libc.iovec>(Capacity, pinned: true);
    private readonly byte[] _controls = GC.AllocateArray<byte>(Capacity * ControlSize, pinned: true);
    private readonly Batch[] _batches = new Batch[Capacity];
    private int _used;
    private int _count;

    /// <summary>Datagrams that wait.</summary>
    public int Waiting { get; private set; }

    /// <summary>Copies a datagram and lets it wait for its socket's <see cref="Send"/>.</summary>
    /// <param name="queue">The socket's queue.</param>
    /// <param name="payload">0 to 65,527 bytes.</param>
    /// <returns>False when there is no room: send what waits first.</returns>
    public bool TryAdd(ref DatagramQueue queue, ReadOnlySpan<byte> payload)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(payload.Length, MaxPayload, nameof(payload));
        if (_count == Capacity || payload.Length > ArenaSize - _used) return false;
        payload.CopyTo(_arena.AsSpan(_used));
        _entries[_count] = new Entry { Offset = _used, Length = payload.Length };
        if (queue.Count == 0) queue.First = _count;
        else _entries[queue.Last].Next = _count;
        queue.Last = _count;
        queue.Count++;
        _used += payload.Length;
        _count++;
        Waiting++;
        return true;
    }

    /// <summary>Sends what waits for a socket. Nothing waits for it afterwards: what the kernel does not take is dropped.</summary>
    /// <param name="socket">A connected UDP socket.</param>
    /// <param name="queue">Its queue.</param>
    /// <param name="maxSegment">Largest datagram to send in GSO batches; made smaller when the path refuses GSO batches of a size.</param>
    public DatagramSendResult Send(SocketHandle socket, ref DatagramQueue queue, ref int maxSegment)
    {
        ArgumentNullException.ThrowIfNull(socket);
        int sent = 0, dropped = 0;
        long bytes = 0;
        SocketErrno last = SocketErrno.None;
        int entry = queue.First, left = queue.Count;
        while (left > 0)
        {
            int batches = Build(entry, left, maxSegment);
            int done = 0;
            bool rebuild = false;
            while (done < batches && !rebuild)
            {
                int result = Libc.sendmmsg(socket.Descriptor, Pointer(_messages) + done, (uint)(batches - done), LibC.MSG_NOSIGNAL);
                SocketErrno error = result < 0 ? (SocketErrno)Marshal.GetLastPInvokeError() : SocketErrno.None;
                if (error == SocketErrno.Interrupted) continue;
                if (error != SocketErrno.None) last = error;
                for (int i = 0; i < result; i++, done++) Take(_batches[done], ref entry, ref left, ref sent, ref bytes);
                if (result >= 0) continue;
                Batch batch = _batches[done];

                // Said once about an earlier datagram (ICMP); this one has not been tried yet.
                if (error == SocketErrno.ConnectionRefused && !batch.Retried)
                {
                    _batches[done].Retried = true;
                }
                else if (batch.Count > 1 && error is SocketErrno.InvalidArgument or SocketErrno.MessageTooLong or SocketErrno.InputOutput)
                {
                    // Too wide for this path, or no GSO batches at all: single datagrams can still be fragmented.
                    maxSegment = error == SocketErrno.InputOutput ? 0 : Math.Min(maxSegment, batch.Segment - 1);
                    rebuild = true;
                }
                else
                {
                    int drop = error is SocketErrno.WouldBlock or SocketErrno.NoBuffers ? left : batch.Count;
                    dropped += drop;
                    for (int i = 0; i < drop; i++, left--) entry = _entries[entry].Next;
                    done++;
                    if (left == 0) break;
                }
            }
        }

        Release(ref queue);
        return new DatagramSendResult(sent, bytes, dropped, last);
    }

    /// <summary>Forgets what waits for a socket.</summary>
    public void Discard(ref DatagramQueue queue) => Release(ref queue);

    private void Release(ref DatagramQueue queue)
    {
        Waiting -= queue.Count;
        queue = default;
        if (Waiting == 0) (_used, _count) = (0, 0);
    }

    private void Take(in Batch batch, ref int entry, ref int left, ref int sent, ref long bytes)
    {
        for (int i = 0; i < batch.Count; i++, left--)
        {
            bytes += _entries[entry].Length;
            entry = _entries[entry].Next;
        }

        sent += batch.Count;
    }

    // One message per GSO batch; neighbours in the arena need no vector of their own.
    private int Build(int entry, int left, int maxSegment)
    {
        int batches = 0, vectors = 0;
        while (left > 0)
        {
            int segment = _entries[entry].Length, count = 0, total = 0, firstVector = vectors;
            do
            {
                Entry e = _entries[entry];
                byte* at = Pointer(_arena) + e.Offset;
                if (count > 0 && _vectors[vectors - 1].iov_base + _vectors[vectors - 1].iov_len == at) _vectors[vectors - 1].iov_len += (nuint)e.Length;
                else _vectors[vectors++] = new Libc.iovec { iov_base = at, iov_len = (nuint)e.Length };
                count++;
                left--;
                total += e.Length;
                entry = e.Next;
                if (e.Length < segment) break;
            }
            while (left > 0 && count < MaxSegments && segment > 0 && segment <= maxSegment && _entries[entry].Length > 0
                && _entries[entry].Length <= segment && total + _entries[entry].Length <= MaxBatch);
            _batches[batches] = new Batch { Count = count, Segment = segment };
            Fill(batches++, firstVector, vectors - firstVector, count > 1 ? segment : 0);
        }

        return batches;
    }

    private void Fill(int index, int firstVector, int vectors, int segment)
    {
        Libc.mmsghdr* message = Pointer(_messages) + index;
        message->msg_iov = Pointer(_vectors) + firstVector;
        message->msg_iovlen = (nuint)vectors;
        message->msg_control = null;
        message->msg_controllen = 0;
        if (segment == 0) return;
        Libc.cmsghdr* control = (Libc.cmsghdr*)(Pointer(_controls) + (index * ControlSize));
        control->cmsg_len = (nuint)(sizeof(Libc.cmsghdr) + sizeof(ushort));
        control->cmsg_level = LibC.IPPROTO_UDP;
        control->cmsg_type = Libc.UDP_SEGMENT;
        *(ushort*)(control + 1) = (ushort)segment;
        message->msg_control = (byte*)control;
        message->msg_controllen = ControlSize;
    }

    private static T* Pointer<T>(T[] pinned)
        where T : unmanaged => (T*)Marshal.UnsafeAddrOfPinnedArrayElement(pinned, 0);

    private struct Entry
    {
        internal int Offset;
        internal int Length;
        internal int Next;
    }

    private struct Batch
    {
        internal int Count;
        internal int Segment;
        internal bool Retried;
    }
}
