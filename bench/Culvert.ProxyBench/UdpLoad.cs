using System.Buffers.Binary;
using System.Diagnostics;
using System.Globalization;
using System.Net;
using Culvert.Core;
using Culvert.Interop.Abi;
using Culvert.Interop.Sockets;

namespace Culvert.ProxyBench;

/// <summary>Sends and counts datagrams, to put the same load on a pair of proxies and on what they are compared with.</summary>
internal static class UdpLoad
{
    private const int Burst = 32;

    /// <summary>Sends to a target from many ports, plainly or as the kernel program hands captured datagrams over.</summary>
    /// <param name="target">Where to.</param>
    /// <param name="size">Bytes of payload.</param>
    /// <param name="flows">Ports to send from.</param>
    /// <param name="seconds">How long.</param>
    /// <param name="rate">Datagrams per second; 0 for as many as possible.</param>
    /// <param name="captured">Whether to put a PROXY header in front.</param>
    internal static int Send(string target, int size, int flows, int seconds, int rate, bool captured)
    {
        SocketEndPoint to = Parse(target);
        DatagramSender sender = new();
        SocketHandle[] sockets = new SocketHandle[flows];
        byte[][] payloads = new byte[flows][];
        for (int i = 0; i < flows; i++)
        {
            SocketHandle socket = SocketHandle.TryCreateUdp(ipv6: false, out SocketErrno error) ?? throw new InvalidOperationException($"socket: {error}");
            if (socket.Connect(to) != SocketErrno.None || socket.GetLocalEndPoint(out SocketEndPoint local) != SocketErrno.None) throw new InvalidOperationException("connect");
            (sockets[i], payloads[i]) = (socket, captured ? Captured(local, size) : new byte[size]);
        }

        long started = Stopwatch.GetTimestamp(), sent = 0, refused = 0;
        double elapsed;
        for (int next = 0; (elapsed = Stopwatch.GetElapsedTime(started).TotalSeconds) < seconds; next = (next + 1) % flows)
        {
            if (rate > 0 && sent > elapsed * rate)
            {
                // Nothing to wait for but time: this is the clock of the load.
                Thread.Sleep(1);
                continue;
            }

            DatagramQueue queue = default;
            for (int i = 0; i < Burst; i++) sender.TryAdd(ref queue, payloads[next]);
            int single = 0;
            DatagramSendResult result = sender.Send(sockets[next], ref queue, ref single);
            sent += result.Sent;
            refused += result.Dropped;
        }

        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"sent {sent} {sent / elapsed:F0}/s refused {refused}"));
        foreach (SocketHandle socket in sockets) socket.Dispose();
        return 0;
    }

    /// <summary>Counts what comes, until nothing has come for a second after something had.</summary>
    internal static int Count(string listen)
    {
        using SocketHandle socket = SocketHandle.TryCreateUdp(ipv6: false, out _)!;
        using EpollHandle epoll = EpollHandle.Create();
        EpollBuffer events = new(1);
        if (socket.Bind(Parse(listen)) != SocketErrno.None) throw new InvalidOperationException("bind");
        _ = socket.SetReceiveBuffer(4 << 20);
        _ = epoll.Add(socket, EpollEvents.Readable, 1);
        DatagramReceiver receiver = new();
        Console.WriteLine("ready");
        long count = 0, first = 0, last = 0;
        while (epoll.Wait(events, count == 0 ? 20_000 : 1000) > 0)
        {
            while (receiver.Receive(socket) == SocketErrno.None)
            {
                last = Stopwatch.GetTimestamp();
                if (count == 0) first = last;
                count += receiver.Count;
            }
        }

        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"received {count} {count / Math.Max(0.001, Stopwatch.GetElapsedTime(first, last).TotalSeconds):F0}/s"));
        return 0;
    }

    private static byte[] Captured(in SocketEndPoint client, int size)
    {
        byte[] buffer = new byte[128 + size];
        ProxyHeaderWriter writer = new(
            buffer.AsSpan(0, 128), TransportProtocol.Udp, new ProxyEndPoint(client.High, client.Low, client.Port), new ProxyEndPoint(client.High, client.Low, 53));
        Span<byte> data = stackalloc byte[(int)CvAbi.TlvEndpointLength];
        data.Clear();
        data[0] = (byte)CvAbi.TlvEndpointVersion;
        BinaryPrimitives.WriteUInt32BigEndian(data[13..], 0);
        writer.TryAdd(ProxyTlvType.KernelData, data);
        return buffer[..(writer.Finish(checksum: false) + size)];
    }

    private static SocketEndPoint Parse(string text)
    {
        IPEndPoint point = IPEndPoint.Parse(text);
        return new SocketEndPoint(point.Address, point.Port);
    }
}
