using System.Net;
using System.Net.Sockets;
using Culvert.Interop.Sockets;

namespace Culvert.Bench.Datagrams;

/// <summary>The application for datagrams: counts what comes to one port, answers what comes to another.</summary>
internal static class DatagramServer
{
    /// <summary>What it says once both ports are bound.</summary>
    public const string Ready = "ready";

    private const int ReceiveBuffer = 4 << 20;

    /// <summary>Runs until it is killed.</summary>
    /// <param name="count">Where to count.</param>
    /// <param name="echo">Where to answer.</param>
    /// <param name="counterPath">File of the count.</param>
    public static void Run(SocketEndPoint count, SocketEndPoint echo, string counterPath)
    {
        using SharedCounter counter = SharedCounter.Open(counterPath);
        Thread answering = new(() => Echo(echo)) { IsBackground = true };
        using SocketHandle socket = DatagramProgram.Socket();
        DatagramProgram.Check(socket.ForceBuffers(ReceiveBuffer, ReceiveBuffer), "buffers");
        DatagramProgram.Check(socket.Bind(count), $"bind to {count}");
        answering.Start();
        using EpollHandle epoll = EpollHandle.Create();
        EpollBuffer events = new(1);
        DatagramProgram.Check(epoll.Add(socket, EpollEvents.Readable, 1), "epoll");
        DatagramReceiver receiver = new();
        for (long total = 0; ; epoll.Wait(events, -1))
        {
            while (receiver.Receive(socket) == SocketErrno.None) counter.Value = total += receiver.Count;
        }
    }

    private static void Echo(SocketEndPoint local)
    {
        using Socket socket = new(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        socket.Bind(new IPEndPoint(local.ToIPAddress(), local.Port));
        Console.WriteLine(Ready);
        SocketAddress from = new(AddressFamily.InterNetwork);
        byte[] buffer = new byte[65_536];
        while (true)
        {
            int length = socket.ReceiveFrom(buffer, SocketFlags.None, from);
            socket.SendTo(buffer.AsSpan(0, length), SocketFlags.None, from);
        }
    }
}
