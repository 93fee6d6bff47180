using System.Net;
using System.Runtime.InteropServices;
using Culvert.Core;
using Culvert.Interop.Sockets;
using Culvert.NodeAgent.Proxy;
using Culvert.NodeAgent.Proxy.Model;

namespace Culvert.ProxyBench;

/// <summary>Runs one proxy until SIGTERM or SIGINT, then prints what it has seen.</summary>
internal static class BenchProxy
{
    internal static Task<int> RunInboundAsync(string directory, string listen, int loops, string? protocol)
    {
        IPEndPoint address = IPEndPoint.Parse(listen);
        BenchMesh mesh = new(Workload("destination", address.Address), BenchPki.Load(directory, "destination"), null) { ApplicationProtocol = protocol };
        return RunAsync(Options(loops, [], [new SocketEndPoint(address.Address, address.Port)]), mesh);
    }

    internal static Task<int> RunOutboundAsync(string directory, string listen, string tunnel, string target, int loops, string? protocol)
    {
        IPEndPoint address = IPEndPoint.Parse(listen), to = IPEndPoint.Parse(target);
        SocketEndPoint end = new(to.Address, to.Port);
        OutboundRoute route = tunnel == "-"
            ? OutboundRoute.Passthrough(end)
            : OutboundRoute.Tunnel(new SocketEndPoint(IPEndPoint.Parse(tunnel).Address, IPEndPoint.Parse(tunnel).Port), end, Workload("destination", to.Address));
        BenchMesh mesh = new(Workload("source", address.Address), BenchPki.Load(directory, "source"), route with { ApplicationProtocol = protocol });
        return RunAsync(Options(loops, [new SocketEndPoint(address.Address, address.Port)], []), mesh);
    }

    internal static Task<int> RunUdpAsync(string directory, string listen, string tunnel, string target, int loops)
    {
        IPEndPoint address = IPEndPoint.Parse(listen), to = IPEndPoint.Parse(target), dial = IPEndPoint.Parse(tunnel);
        OutboundRoute route = OutboundRoute.Tunnel(new SocketEndPoint(dial.Address, dial.Port), new SocketEndPoint(to.Address, to.Port), Workload("destination", to.Address));
        BenchMesh mesh = new(Workload("source", address.Address), BenchPki.Load(directory, "source"), route);
        return RunAsync(Options(loops, [], []) with { UdpListeners = [new SocketEndPoint(address.Address, address.Port)], CheckCaptured = false }, mesh);
    }

    private static async Task<int> RunAsync(ProxyOptions options, BenchMesh mesh)
    {
        await using ProxyServer proxy = new(options, mesh.Agent, TimeProvider.System);
        proxy.Start();
        TaskCompletionSource stop = new();
        using PosixSignalRegistration term = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Stop);
        using PosixSignalRegistration interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, Stop);
        Console.WriteLine("ready");
        await stop.Task;
        foreach (ProxyLoopStats stats in await proxy.GetStatsAsync()) Console.WriteLine(stats);
        Console.WriteLine(mesh.Report());
        return 0;

        void Stop(PosixSignalContext context)
        {
            context.Cancel = true;
            stop.TrySetResult();
        }
    }

    private static ProxyOptions Options(int loops, IReadOnlyList<SocketEndPoint> outbound, IReadOnlyList<SocketEndPoint> tunnels) => new()
    {
        Loops = loops,
        Mark = SocketMark.None,
        Transparent = false,
        OutboundListeners = outbound,
        TunnelListeners = tunnels,
    };

    private static WorkloadInfo Workload(string name, IPAddress address) => new()
    {
        Uid = name,
        Name = new NamespacedName("bench", name),
        ServiceAccount = name,
        Identity = BenchPki.Id(name),
        Node = "bench",
        Addresses = [address],
    };
}
