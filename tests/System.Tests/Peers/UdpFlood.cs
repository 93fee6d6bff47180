using System.Diagnostics;
using System.Net;
using Culvert.Interop.Netlink;
using Culvert.Interop.Sockets;
using Culvert.Labs;
using Culvert.SystemTests.Fixtures;

namespace Culvert.SystemTests.Peers;

/// <summary>
/// Many numbered datagrams from one pod to another, whole batches per system call, at a bounded rate and with a bounded number on the way, so that a busy
/// machine, on which any of the processes may not run for a while, loses none by itself. Every datagram is looked at where it arrives.
/// </summary>
internal sealed class UdpFlood : IDisposable
{
    private const int Batch = 32;
    private readonly SocketHandle _from;
    private readonly SocketHandle _to;
    private readonly int _size;
    private int _received;

    private UdpFlood(SocketHandle from, SocketHandle to, int size) => (_from, _to, _size) = (from, to, size);

    /// <summary>Datagrams that came a second time, or with other bytes.</summary>
    public int Wrong { get; private set; }

    /// <summary>Datagrams that came after one that was sent later.</summary>
    public int OutOfOrder { get; private set; }

    /// <summary>Makes both sockets.</summary>
    public static UdpFlood Create(LabPod from, LabPod to, TestFamily family, int size)
    {
        var server = Open(to, family);
        Check(server.GetLocalEndPoint(out var at));
        var client = Open(from, family);
        Check(client.Connect(at));
        return new UdpFlood(client, server, size);
    }

    /// <summary>Sends and receives.</summary>
    /// <param name="count">How many.</param>
    /// <param name="rate">Most datagrams per second.</param>
    /// <param name="inFlight">Most datagrams that were sent and have not arrived.</param>
    /// <param name="batches">Whether the kernel gets neighbours in one piece (UDP_SEGMENT).</param>
    /// <param name="patience">How long to wait when none arrives.</param>
    /// <returns>How many arrived.</returns>
    public async Task<int> RunAsync(int count, int rate, int inFlight, bool batches, TimeSpan patience)
    {
        using var stop = new CancellationTokenSource();
        var receiving = Task.Factory.StartNew(() => Receive(count, patience * LabWait.Patience, stop.Token), CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
        var sending = Task.Factory.StartNew(() => Send(count, rate, inFlight, batches, receiving), CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
        try
        {
            await sending;
        }
        catch
        {
            await stop.CancelAsync();
            await receiving;
            throw;
        }

        return await receiving;
    }

    public void Dispose()
    {
        _from.Dispose();
        _to.Dispose();
    }

    private static SocketHandle Open(LabPod pod, TestFamily family)
    {
        using var place = NetworkNamespace.OpenPath(pod.NamespacePath);
        var error = SocketErrno.None;
        var socket = place.Run(() => SocketHandle.TryCreateUdp(family == TestFamily.IPv6, out error));
        Check(error);
        Check(socket!.ForceBuffers(32 << 20, 8 << 20));
        Check(socket.Bind(new SocketEndPoint(MeshFixture.AddressOf(pod, family), 0)));
        return socket;
    }

    private static void Check(SocketErrno error)
    {
        if (error != SocketErrno.None)
        {
            throw new InvalidOperationException(error.ToString());
        }
    }

    private void Send(int count, int rate, int inFlight, bool batches, Task<int> receiving)
    {
        var sender = new DatagramSender();
        var queue = default(DatagramQueue);
        var segment = batches ? ushort.MaxValue : 0;
        var message = new byte[_size];
        var start = Stopwatch.GetTimestamp();
        for (var sent = 0; sent < count && !receiving.IsCompleted;)
        {
            // The first one opens the session; the others come when it is there.
            var due = sent == 0 || Volatile.Read(ref _received) > 0 ? (long)(Stopwatch.GetElapsedTime(start).TotalSeconds * rate) : 0;
            if ((sent > 0 && sent >= due) || sent - Volatile.Read(ref _received) > inFlight)
            {
                Thread.Sleep(1); // the rate is what is asked for: time has to pass
                continue;
            }

            for (var n = sent == 0 ? 1 : Math.Min(Batch, count - sent); n > 0; n--, sent++)
            {
                Write(message, sent);
                sender.TryAdd(ref queue, message);
            }

            var result = sender.Send(_from, ref queue, ref segment);
            if (result.Dropped > 0)
            {
                throw new InvalidOperationException($"the sender's kernel refused {result.Dropped} datagrams: {result.Error}");
            }
        }
    }

    private int Receive(int count, TimeSpan patience, CancellationToken stop)
    {
        using var epoll = EpollHandle.Create();
        var events = new EpollBuffer(1);
        Check(epoll.Add(_to, EpollEvents.Readable, 0));
        var receiver = new DatagramReceiver();
        var seen = new bool[count];
        var expected = new byte[_size];
        var (received, last) = (0, -1);
        while (received < count && !stop.IsCancellationRequested && WaitForSome(epoll, events, patience))
        {
            while (receiver.Receive(_to) == SocketErrno.None)
            {
                for (var i = 0; i < receiver.Count; i++)
                {
                    var payload = receiver.Payload(i);
                    var number = payload.Length == _size ? BitConverter.ToInt32(payload) : -1;
                    if (number < 0 || number >= count || seen[number])
                    {
                        Wrong++;
                        continue;
                    }

                    Write(expected, number);
                    Wrong += payload.SequenceEqual(expected) ? 0 : 1;
                    OutOfOrder += number < last ? 1 : 0;
                    (seen[number], last) = (true, Math.Max(last, number));
                    received++;
                }

                Volatile.Write(ref _received, received);
            }
        }

        return received;
    }

    // A signal, such as the runtime's to its threads, ends a wait with nothing before its time.
    private static bool WaitForSome(EpollHandle epoll, EpollBuffer events, TimeSpan patience)
    {
        long began = Stopwatch.GetTimestamp();
        for (TimeSpan left = patience; left > TimeSpan.Zero; left = patience - Stopwatch.GetElapsedTime(began))
        {
            if (epoll.Wait(events, (int)Math.Ceiling(left.TotalMilliseconds)) > 0) return true;
        }

        return false;
    }

    private static void Write(Span<byte> message, int number)
    {
        BitConverter.TryWriteBytes(message, number);
        message[sizeof(int)..].Fill((byte)number);
    }
}
