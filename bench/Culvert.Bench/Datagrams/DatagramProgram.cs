using System.Globalization;
using System.Net;
using Culvert.Bench.Measuring;
using Culvert.Interop.Sockets;

namespace Culvert.Bench.Datagrams;

/// <summary>The bench as a program inside a pod: what sends, counts and answers datagrams. The bench starts itself so; nobody else needs to.</summary>
internal static class DatagramProgram
{
    public const string Serve = "datagram-server";

    public const string Flood = "datagram-flood";

    public const string Ping = "datagram-ping";

    /// <summary>Runs when the arguments ask for one of these programs.</summary>
    /// <returns>Its exit status; null when they ask for something else.</returns>
    /// <exception cref="BenchInvalidException">A socket could not be made, or what was sent was refused.</exception>
    public static int? Run(IReadOnlyList<string> args)
    {
        switch (args.Count == 0 ? "" : args[0])
        {
            case Serve:
                DatagramServer.Run(Parse(args[1]), Parse(args[2]), args[3]);
                return 0;
            case Flood:
                Console.WriteLine(DatagramFlood.Run(Parse(args[1]), args[2], FloodShape.Parse(args[3]), Number(args[4])));
                return 0;
            case Ping:
                Console.WriteLine(DatagramPing.Run(Parse(args[1]), Number(args[2])));
                return 0;
            default:
                return null;
        }
    }

    internal static SocketHandle Socket() =>
        SocketHandle.TryCreateUdp(ipv6: false, out SocketErrno error) ?? throw new BenchInvalidException($"No socket for datagrams: {error}.");

    internal static void Check(SocketErrno error, string what)
    {
        if (error != SocketErrno.None) throw new BenchInvalidException($"{what}: {error}.");
    }

    private static SocketEndPoint Parse(string text)
    {
        IPEndPoint point = IPEndPoint.Parse(text);
        return new SocketEndPoint(point.Address, point.Port);
    }

    private static int Number(string text) => int.Parse(text, CultureInfo.InvariantCulture);
}
