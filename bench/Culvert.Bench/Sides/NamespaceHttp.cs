using System.Net.Sockets;
using Culvert.Interop.Netlink;
using Culvert.Labs;

namespace Culvert.Bench.Sides;

/// <summary>HTTP from this process into a namespace of the lab: a socket stays in the namespace it was made in.</summary>
internal static class NamespaceHttp
{
    public static HttpClient Create(LabNamespace place) => new(new SocketsHttpHandler
    {
        ConnectCallback = async (context, cancellationToken) =>
        {
            Socket socket;
            using (NetworkNamespace inside = NetworkNamespace.OpenPath(place.NamespacePath))
            {
                socket = inside.Run(() => new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true });
            }
            try
            {
                await socket.ConnectAsync(context.DnsEndPoint, cancellationToken);
                return new NetworkStream(socket, ownsSocket: true);
            }
            catch (SocketException)
            {
                socket.Dispose();
                throw;
            }
        },
    })
    { Timeout = TimeSpan.FromSeconds(5) };
}
