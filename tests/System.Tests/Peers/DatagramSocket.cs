using System.Net;
using System.Net.Sockets;
using Culvert.Cli.Labs;
using Culvert.Interop.Netlink;
using Culvert.SystemTests.Fixtures;

namespace Culvert.SystemTests.Peers;

/// <summary>UDP sockets within pods.</summary>
internal static class DatagramSocket
{
    /// <summary>Makes a socket that lives in a pod.</summary>
    internal static Socket Bind(LabPod pod, TestFamily family, int port = 0)
    {
        var address = MeshFixture.AddressOf(pod, family);
        using var place = NetworkNamespace.OpenPath(pod.NamespacePath);
        var socket = place.Run(() => new Socket(address.AddressFamily, SocketType.Dgram, ProtocolType.Udp));
        socket.Bind(new IPEndPoint(address, port));
        return socket;
    }

    /// <summary>Echoes what comes until the socket is closed; counts it.</summary>
    internal static Task<long> EchoAsync(Socket server) => Task.Factory.StartNew(
        () =>
        {
            var buffer = new byte[65_536];
            EndPoint from = new IPEndPoint(server.AddressFamily == AddressFamily.InterNetwork ? IPAddress.Any : IPAddress.IPv6Any, 0);
            var count = 0L;
            try
            {
                while (true)
                {
                    var length = server.ReceiveFrom(buffer, ref from);
                    server.SendTo(buffer.AsSpan(0, length), from);
                    count++;
                }
            }
            catch (SocketException)
            {
                return count;
            }
            catch (ObjectDisposedException)
            {
                return count;
            }
        },
        CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
}
