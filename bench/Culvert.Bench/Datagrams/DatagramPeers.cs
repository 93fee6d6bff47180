using Culvert.Bench.Sides;

namespace Culvert.Bench.Datagrams;

/// <summary>What Culvert's datagrams are compared with: nginx stream, in plaintext; its settings and their reasons are in the README.</summary>
/// <param name="Proxy">One nginx on the client's node, in front of the server on that node.</param>
/// <param name="Pair">An nginx in the client's pod and one in the server's, on two nodes.</param>
internal sealed record DatagramPeers(Target Proxy, Target Pair)
{
    public const string ProxyName = "nginx stream, no TLS";

    public const string PairName = "nginx stream pair, no TLS";

    private const int InboundCount = 7100;
    private const int InboundEcho = 7101;

    public static async Task<DatagramPeers> StartAsync(Topology lab, CancellationToken cancellationToken)
    {
        string node = lab.NodeA.Address4.ToString(), same = lab.ServerSame.Address4.ToString(), cross = lab.ServerCross.Address4.ToString();
        await Nginx.StartAsync(lab.NodeA, "udp-proxy", Configuration(
            Server($"{node}:{DatagramApplication.CountPort}", $"{same}:{DatagramApplication.CountPort}"),
            Server($"{node}:{DatagramApplication.EchoPort}", $"{same}:{DatagramApplication.EchoPort}")), cancellationToken);
        await Nginx.StartAsync(lab.ServerCross, "udp-in", Configuration(
            Server($"{cross}:{InboundCount}", $"{cross}:{DatagramApplication.CountPort}"),
            Server($"{cross}:{InboundEcho}", $"{cross}:{DatagramApplication.EchoPort}")), cancellationToken);
        await Nginx.StartAsync(lab.Client, "udp-out", Configuration(
            Server($"127.0.0.1:{DatagramApplication.CountPort}", $"{cross}:{InboundCount}"),
            Server($"127.0.0.1:{DatagramApplication.EchoPort}", $"{cross}:{InboundEcho}")), cancellationToken);
        return new DatagramPeers(
            DatagramApplication.At(lab.Client, lab.ServerSame, node),
            DatagramApplication.At(lab.Client, lab.ServerCross, "127.0.0.1"));
    }

    private static string Server(string listen, string to) => $"  server {{ listen {listen} udp reuseport rcvbuf=4m sndbuf=4m; proxy_pass {to}; }}\n";

    private static string Configuration(params ReadOnlySpan<string> servers) => Head + string.Concat(servers) + "}\n";

    // proxy_responses stays unset: a session lives for proxy_timeout, however many answers come. Set, to 0 as well, it ends
    // sessions, and every datagram after would open one.
    private static string Head => Nginx.CommonWithStream + """
        stream {
          access_log off;
          proxy_timeout 60s;
          proxy_buffer_size 64k;

        """;
}
