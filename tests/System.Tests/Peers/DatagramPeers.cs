using System.Globalization;
using System.Net;
using System.Text;
using Culvert.Labs;

namespace Culvert.SystemTests.Peers;

/// <summary>unbound as a receiver of PROXY headers in front of datagrams, and dnsdist as a sender: one socket for all clients.</summary>
internal static class DatagramPeers
{
    /// <summary>Where unbound wants a header, in front of datagrams and of connections.</summary>
    public const int Asking = 5300;

    /// <summary>Where unbound takes plain DNS; the mesh takes load balancers' headers off.</summary>
    public const int Taking = 5310;

    /// <summary>What every name below <c>demo.</c> leads to.</summary>
    public const string Answer = "192.0.2.53";

    private const int FirstPort = 7100;

    /// <summary>dnsdist's port that leads to a target.</summary>
    public static int Port(int target, bool ipv6) => FirstPort + (target * 2) + (ipv6 ? 1 : 0);

    /// <summary>Starts unbound; its log names the client of every query.</summary>
    public static async Task StartReceiverAsync(LabPod pod)
    {
        var configuration = Path.Combine(pod.Lab.Folder, $"unbound-{pod.Name}.conf");
        await File.WriteAllTextAsync(configuration, $"""
            server:
              interface: 0.0.0.0@{Asking}
              interface: ::0@{Asking}
              interface: 0.0.0.0@{Taking}
              interface: ::0@{Taking}
              proxy-protocol-port: {Asking}
              access-control: 0.0.0.0/0 allow
              access-control: ::/0 allow
              do-daemonize: no
              username: ""
              chroot: ""
              directory: "{pod.Lab.Folder}"
              pidfile: ""
              use-syslog: no
              logfile: ""
              log-queries: yes
              module-config: "iterator"
              local-zone: "demo." redirect
              local-data: "demo. A {Answer}"
            remote-control:
              control-enable: no

            """);
        var process = pod.Start(LogOf(pod), "unbound", "-d", "-c", configuration);
        await LabWait.ForListenerAsync(process, Asking);
        Logs[pod.Name] = process;
    }

    /// <summary>Starts dnsdist with a port for each target and family.</summary>
    public static async Task StartSenderAsync(LabNamespace place, IReadOnlyList<LabPod> targets, IPAddress? from4, IPAddress? from6)
    {
        var lua = new StringBuilder("setSecurityPollSuffix(\"\")\nsetACL({\"0.0.0.0/0\", \"::/0\"})\n");
        for (var target = 0; target < targets.Count; target++)
        {
            foreach (var ipv6 in new[] { false, true })
            {
                var port = Port(target, ipv6);
                var server = new IPEndPoint(ipv6 ? targets[target].Address6 : targets[target].Address4, Taking);
                var source = (ipv6 ? from6 : from4) is { } from ? $", source=\"{from}\"" : "";
                lua.Append(CultureInfo.InvariantCulture, $"""
                    addLocal("{new IPEndPoint(ipv6 ? IPAddress.IPv6Any : IPAddress.Any, port)}")
                    newServer({"{"}address="{server}", pool="p{port}", useProxyProtocol=true{source}{"}"}):setUp()
                    addAction(DSTPortRule({port}), PoolAction("p{port}"))

                    """);
            }
        }

        var configuration = Path.Combine(place.Lab.Folder, $"dnsdist-{place.Name}.conf");
        await File.WriteAllTextAsync(configuration, lua.ToString());
        var process = place.Start("dnsdist-" + place.Name, "dnsdist", "--supervised", "--disable-syslog", "-C", configuration);
        await LabWait.ForListenerAsync(process, FirstPort);
    }

    /// <summary>Asks for a name of its own and checks the answer; returns the name.</summary>
    public static async Task<string> AskAsync(LabNamespace from, IPAddress? source, IPEndPoint server, bool tcp = false)
    {
        var name = $"n{Guid.NewGuid():N}.demo";
        var result = await from.RunAsync(
            "dig",
            [
                "+short", "+tries=1", "+time=5", .. tcp ? ["+tcp"] : Array.Empty<string>(), .. source is null ? Array.Empty<string>() : ["-b", $"{source}"],
                "-p", server.Port.ToString(CultureInfo.InvariantCulture), $"@{server.Address}", name, "A",
            ],
            timeout: TimeSpan.FromSeconds(10));
        Assert.True(result.Output.Trim() == Answer, result.Output);
        return name;
    }

    /// <summary>Who asked for a name, as unbound saw it.</summary>
    public static async Task<IPAddress> ClientOfAsync(LabPod pod, string name)
    {
        string? line = null;
        await LabWait.UntilAsync(
            $"unbound in {pod.Name} has logged {name}",
            () => (line = Logs[pod.Name].ReadLog().Split('\n').FirstOrDefault(l => l.Contains(name, StringComparison.Ordinal))) is not null,
            TimeSpan.FromSeconds(5));
        return IPAddress.Parse(line![(line!.IndexOf("info: ", StringComparison.Ordinal) + 6)..].Split(' ')[0]);
    }

    private static Dictionary<string, LabProcess> Logs { get; } = new(StringComparer.Ordinal);

    private static string LogOf(LabPod pod) => "unbound-" + pod.Name;
}
