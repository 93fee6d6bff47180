using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using Culvert.Bench.Measuring;
using Culvert.Interop.Sockets;

namespace Culvert.Bench.Datagrams;

/// <summary>Sends one datagram, waits for its answer, sends the next.</summary>
internal static class DatagramPing
{
    private const int Size = 64;
    private const int AnswerMilliseconds = 1_000;
    private const double StartSeconds = 0.3;

    /// <param name="target">What answers.</param>
    /// <param name="milliseconds">How long, start included.</param>
    public static PingResult Run(SocketEndPoint target, int milliseconds)
    {
        using Socket socket = new(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp) { ReceiveTimeout = AnswerMilliseconds };
        socket.Connect(new IPEndPoint(target.ToIPAddress(), target.Port));
        byte[] question = new byte[Size], answer = new byte[Size];
        List<double> times = new(1 << 18);
        long started = Stopwatch.GetTimestamp(), number = 0, lost = 0;
        double busy = 0, elapsed;
        while ((elapsed = Stopwatch.GetElapsedTime(started).TotalSeconds) < milliseconds / 1e3)
        {
            if (elapsed < StartSeconds) (busy, lost) = (CpuClock.BusySeconds(), 0);
            BitConverter.TryWriteBytes(question, ++number);
            long asked = Stopwatch.GetTimestamp();
            socket.Send(question);
            if (!TryReceive(socket, answer, number)) lost++;
            else if (elapsed >= StartSeconds) times.Add(Stopwatch.GetElapsedTime(asked).TotalMicroseconds);
        }

        if (times.Count == 0) throw new BenchInvalidException($"No datagram to {target} was answered.");
        return new PingResult(times.Count, lost, Statistics.Median(times), CpuClock.BusySeconds() - busy);
    }

    // An answer that comes after its time is not taken for the next one.
    private static bool TryReceive(Socket socket, byte[] answer, long number)
    {
        try
        {
            do socket.Receive(answer);
            while (BitConverter.ToInt64(answer) != number);
            return true;
        }
        catch (SocketException e) when (e.SocketErrorCode is SocketError.TimedOut or SocketError.WouldBlock)
        {
            return false;
        }
    }
}
