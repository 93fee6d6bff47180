using System.Diagnostics;
using Culvert.Bench.Measuring;
using Culvert.Interop.Sockets;

namespace Culvert.Bench.Datagrams;

/// <summary>Offers datagrams from many ports at a rate, and reads how many the application received meanwhile.</summary>
internal static class DatagramFlood
{
    // Sessions open and buffers fill in it; it is not measured.
    private const double StartSeconds = 0.3;

    private const int SendBuffer = 4 << 20;

    /// <param name="target">Where to.</param>
    /// <param name="counterPath">The application's count.</param>
    /// <param name="shape">How.</param>
    /// <param name="milliseconds">How long, start included.</param>
    public static FloodResult Run(SocketEndPoint target, string counterPath, FloodShape shape, int milliseconds)
    {
        using SharedCounter counter = SharedCounter.Open(counterPath);
        SocketHandle[] sockets = [.. Enumerable.Range(0, shape.Flows).Select(_ => Open(target))];
        try
        {
            DatagramSender sender = new();
            byte[] payload = new byte[shape.Size];
            long started = Stopwatch.GetTimestamp(), sent = 0;
            double elapsed = 0, end = milliseconds / 1e3;
            (double Elapsed, long Sent, long Received, double Busy)? first = null;
            for (int next = 0; elapsed < end; next = (next + 1) % sockets.Length)
            {
                elapsed = Stopwatch.GetElapsedTime(started).TotalSeconds;
                if (first is null && elapsed >= StartSeconds) first = (elapsed, sent, counter.Value, CpuClock.BusySeconds());
                if (shape.Rate > 0 && sent > elapsed * shape.Rate) Thread.Sleep(1); // the clock of the load: there is nothing else to wait for
                else sent += Burst(sender, sockets[next], payload, shape.Burst);
            }

            var (elapsed0, sent0, received0, busy0) = first ?? throw new BenchInvalidException($"A flood of {milliseconds} ms is over before it is measured.");
            return new FloodResult(elapsed - elapsed0, sent - sent0, counter.Value - received0, CpuClock.BusySeconds() - busy0);
        }
        finally
        {
            foreach (SocketHandle socket in sockets) socket.Dispose();
        }
    }

    // Every datagram for itself: a GSO batch would spare the client what the bench is to put on both sides.
    private static int Burst(DatagramSender sender, SocketHandle socket, byte[] payload, int count)
    {
        DatagramQueue queue = default;
        for (int i = 0; i < count; i++) sender.TryAdd(ref queue, payload);
        int longestInBatch = 0;
        return sender.Send(socket, ref queue, ref longestInBatch).Sent;
    }

    private static SocketHandle Open(SocketEndPoint target)
    {
        SocketHandle socket = DatagramProgram.Socket();
        DatagramProgram.Check(socket.ForceBuffers(SendBuffer, SendBuffer), "buffers");
        DatagramProgram.Check(socket.Connect(target), $"connect to {target}");
        return socket;
    }
}
