using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Culvert.Core;
using Culvert.Interop.Netlink;
using Culvert.NodeAgent.Proxy;
using Culvert.NodeAgent.Proxy.Model;

namespace Culvert.NodeAgent.Tests.Proxy.Inside;

/// <summary>A pod's network namespace, whose rules do what programs do there: what the pod sends to others is looped to lo and there given to the proxy's listeners of the namespace.</summary>
internal sealed class PodLab : IDisposable
{
    internal const int Mark = 0x20;
    internal const int TunnelPort = 15008;
    private static int s_count;
    private readonly string _name = $"cv-in{Environment.ProcessId}-{Interlocked.Increment(ref s_count)}";

    internal PodLab(ushort number, WorkloadInfo workload)
    {
        Workload = workload;
        Network = NetworkNamespace.Create(_name);
        Space = new PodSpace(number, Network, workload.Uid);
        Ip("link set lo up");
    }

    internal WorkloadInfo Workload { get; }

    internal IPAddress Address => Workload.Addresses[0];

    internal NetworkNamespace Network { get; }

    internal PodSpace Space { get; }

    /// <summary>Puts an interface into each of two pods, of one link.</summary>
    internal static void Connect(PodLab left, PodLab right)
    {
        left.Ip($"link add eth0 type veth peer name eth0 netns {right._name}");
        foreach (PodLab pod in new[] { left, right })
        {
            pod.Ip($"address add {pod.Address}/24 dev eth0");
            pod.Ip("link set eth0 up");
            pod.Ip("route add default dev eth0");
            pod.Ip("rule add pref 1 fwmark 0x1 lookup 100");
            pod.Ip("route add local default dev lo table 100");
        }
    }

    /// <summary>From now on the pod is captured.</summary>
    internal void Capture(SpaceListeners listeners) => Run("nft", ["-f", "-"], $$"""
        table inet capture {
          chain before {
            type filter hook prerouting priority mangle
            iif lo meta mark 0x1 meta nfproto ipv4 meta l4proto tcp tproxy ip to 127.0.0.1:{{listeners.Outbound[0].Local.Port}} accept
            iif lo meta mark 0x1 meta nfproto ipv4 meta l4proto udp tproxy ip to 127.0.0.1:{{listeners.Plain[0].Local.Port}} accept
            iifname eth0 meta nfproto ipv4 tcp dport {{TunnelPort}} meta mark set 0x1 tproxy ip to 127.0.0.1:{{listeners.Tunnels[0].Local.Port}} accept
          }
          chain out {
            type route hook output priority mangle
            meta mark {{Mark}} accept
            ip daddr { 127.0.0.0/8, {{Address}} } accept
            meta l4proto { tcp, udp, icmp } meta mark set 0x1
          }
        }
        """);

    internal Socket NewSocket(SocketType type = SocketType.Stream, IPAddress? address = null, int port = 0)
    {
        Socket socket = Network.Run(() => new Socket(AddressFamily.InterNetwork, type, type == SocketType.Stream ? ProtocolType.Tcp : ProtocolType.Udp));
        socket.ReceiveTimeout = 10_000;
        socket.Bind(new IPEndPoint(address ?? Address, port));
        return socket;
    }

    internal Socket Listen(int port = 0, IPAddress? address = null)
    {
        Socket listener = NewSocket(port: port, address: address);
        listener.Listen();
        return listener;
    }

    /// <summary>Connects; the connection has to be reset, which may be before it is there.</summary>
    internal static async Task ExpectResetAsync(Socket client, EndPoint to)
    {
        SocketException exception = await Assert.ThrowsAsync<SocketException>(async () =>
        {
            await client.ConnectAsync(to).WaitAsync(TimeSpan.FromSeconds(10));
            await client.ReceiveToEndAsync();
        });
        Assert.Equal(SocketError.ConnectionReset, exception.SocketErrorCode);
    }

    internal async Task<Socket> ConnectAsync(EndPoint to)
    {
        Socket client = NewSocket();
        await client.ConnectAsync(to).WaitAsync(TimeSpan.FromSeconds(10));
        return client;
    }

    /// <summary>
    /// The sockets of the namespace, local and remote end, in the kernel's notation; without those that no process has any more: they have no inode, and only wait for the peer's end (FIN_WAIT2) or
    /// for their time to pass (TIME_WAIT).
    /// </summary>
    internal string[] Sockets(params string[] tables) => Network.Run(() => (tables.Length == 0 ? ["tcp", "tcp6", "udp", "udp6", "raw", "raw6"] : tables)
        .SelectMany(table => File.ReadLines($"/proc/thread-self/net/{table}").Skip(1))
        .Select(line => line.Split(' ', StringSplitOptions.RemoveEmptyEntries))
        .Where(fields => fields[9] != "0")
        .Select(fields => $"{fields[1]} {fields[2]}").ToArray());

    /// <summary>There is none of them. A process that another test starts has all that are open until it has become its program, so that one which is closed may be there for a moment.</summary>
    internal async Task AssertWithoutSocketsAsync()
    {
        try
        {
            await SocketExtensions.EventuallyAsync(() => Sockets().Length == 0);
        }
        catch (OperationCanceledException)
        {
            Assert.Empty(Sockets());
        }
    }

    /// <summary>An address as /proc/net has it.</summary>
    internal static string Text(IPAddress address) => BitConverter.ToUInt32(address.GetAddressBytes()).ToString("X8", CultureInfo.InvariantCulture);

    internal void Ip(string arguments) => Run("ip", $"-n {_name} {arguments}".Split(' '), input: null, inside: false);

    internal void Shell(string script) => Run("sh", ["-ec", script], input: null);

    private void Run(string program, string[] arguments, string? input, bool inside = true)
    {
        ProcessStartInfo start = inside ? new("nsenter", [$"--net=/run/netns/{_name}", program, .. arguments]) : new(program, arguments);
        (start.RedirectStandardInput, start.RedirectStandardError) = (true, true);
        using Process process = Process.Start(start)!;
        process.StandardInput.Write(input);
        process.StandardInput.Close();
        string error = process.StandardError.ReadToEnd();
        process.WaitForExit();
        Assert.True(process.ExitCode == 0, $"{program} {string.Join(' ', arguments)}: {error}");
    }

    public void Dispose()
    {
        Network.Dispose();
        NetworkNamespace.Delete(_name);
    }
}
