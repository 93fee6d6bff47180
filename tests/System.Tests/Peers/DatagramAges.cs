using System.Buffers.Binary;
using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using Culvert.Labs;
using Culvert.SystemTests.Fixtures;

namespace Culvert.SystemTests.Peers;

/// <summary>Datagrams sent at a steady rate from some ports of one pod to another, and how old each one was when it arrived.</summary>
/// <param name="Sent">How many the sender's kernel took.</param>
/// <param name="Milliseconds">Ages of those that arrived, ascending.</param>
internal sealed record DatagramAges(int Sent, IReadOnlyList<double> Milliseconds)
{
    private const int Size = 200;

    /// <summary>Share of what was sent that never arrived, or later than this.</summary>
    public double LostOrLater(double milliseconds) => 1 - ((double)Milliseconds.Count(age => age <= milliseconds) / Sent);

    /// <inheritdoc/>
    public override string ToString() => Milliseconds.Count == 0
        ? $"sent {Sent}, none arrived"
        : string.Create(
            System.Globalization.CultureInfo.InvariantCulture,
            $"sent {Sent}, lost {LostOrLater(double.MaxValue):P1}, lost or later than 50 ms {LostOrLater(50):P1}, 200 ms {LostOrLater(200):P1}; ages in ms: p50 {At(0.5):F1}, p90 {At(0.9):F1}, p99 {At(0.99):F1}, max {At(1):F0}");

    /// <summary>Sends and receives.</summary>
    /// <param name="from">The sender's pod.</param>
    /// <param name="to">The receiver's pod.</param>
    /// <param name="family">Whose addresses.</param>
    /// <param name="ports">How many ports send, in turn.</param>
    /// <param name="rate">Datagrams per second of all ports together.</param>
    /// <param name="time">How long; until each port's way was open is not counted.</param>
    public static async Task<DatagramAges> MeasureAsync(LabPod from, LabPod to, TestFamily family, int ports, int rate, TimeSpan time)
    {
        using var server = UdpPeer.Bind(to, family);
        var opened = new HashSet<EndPoint>();
        var clients = Enumerable.Range(0, ports).Select(_ => UdpPeer.Connect(from, (IPEndPoint)server.LocalEndPoint!)).ToArray();
        try
        {
            await OpenAsync(server, clients, opened);
            var sent = Task.Factory.StartNew(() => Send(clients, rate, time), CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
            var ages = Task.Factory.StartNew(() => Receive(server, sent), CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
            return new DatagramAges(await sent, await ages);
        }
        finally
        {
            foreach (var client in clients)
            {
                client.Dispose();
            }
        }
    }

    private double At(double share) => Milliseconds[(int)Math.Min(Milliseconds.Count - 1, share * Milliseconds.Count)];

    // Every port sends until something of it has arrived.
    private static async Task OpenAsync(Socket server, Socket[] clients, HashSet<EndPoint> opened)
    {
        var buffer = new byte[Size];
        var any = new IPEndPoint(server.AddressFamily == AddressFamily.InterNetwork ? IPAddress.Any : IPAddress.IPv6Any, 0);
        for (var tries = 0; opened.Count < clients.Length; tries++)
        {
            Assert.True(tries < 100, "Not every port's datagrams arrive.");
            foreach (var client in clients.Where(c => !opened.Contains(c.LocalEndPoint!)))
            {
                await client.SendAsync(new byte[1]);
            }

            using var deadline = new CancellationTokenSource(TimeSpan.FromSeconds(0.5) * LabWait.Patience);
            try
            {
                while (opened.Count < clients.Length)
                {
                    opened.Add((await server.ReceiveFromAsync(buffer, any, deadline.Token)).RemoteEndPoint);
                }
            }
            catch (OperationCanceledException)
            {
                // Lost on the way; the next try sends again.
            }
        }
    }

    private static int Send(Socket[] clients, int rate, TimeSpan time)
    {
        var payload = new byte[Size];
        var started = Stopwatch.GetTimestamp();
        var sent = 0;
        for (var elapsed = 0d; elapsed < time.TotalSeconds; elapsed = Stopwatch.GetElapsedTime(started).TotalSeconds)
        {
            for (; sent < elapsed * rate; sent++)
            {
                BinaryPrimitives.WriteInt64LittleEndian(payload, Stopwatch.GetTimestamp());
                clients[sent % clients.Length].Send(payload);
            }

            Thread.Sleep(1); // the clock of the load: there is nothing else to wait for
        }

        return sent;
    }

    // Until nothing has come for long after the last one was sent.
    private static List<double> Receive(Socket server, Task<int> sent)
    {
        var buffer = new byte[Size];
        var ages = new List<double>();
        server.ReceiveTimeout = (int)(2000 * LabWait.Patience);
        while (true)
        {
            try
            {
                if (server.Receive(buffer) == Size)
                {
                    ages.Add(Stopwatch.GetElapsedTime(BinaryPrimitives.ReadInt64LittleEndian(buffer)).TotalMilliseconds);
                }
            }
            catch (SocketException e) when (e.SocketErrorCode is SocketError.TimedOut or SocketError.WouldBlock)
            {
                if (sent.IsCompleted)
                {
                    break;
                }
            }
        }

        ages.Sort();
        return ages;
    }
}
