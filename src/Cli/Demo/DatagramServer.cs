using System.Globalization;
using System.Net;
using Culvert.Labs;

namespace Culvert.Cli.Demo;

/// <summary>A second nginx in a pod: answers datagrams with its name and the client's address, and serves a page to whoever comes with a PROXY header.</summary>
internal static class DatagramServer
{
    /// <summary>UDP port of the answers.</summary>
    public const int Port = 9053;

    /// <summary>TCP port that takes connections with a PROXY header only.</summary>
    public const int HeaderPort = 8081;

    /// <summary>Starts it, unless it runs.</summary>
    public static async Task EnsureAsync(DemoWorld world, LabPod pod, CancellationToken cancellationToken)
    {
        if (!world.DatagramServers.Add(pod))
        {
            return;
        }

        var server = await LabNginx.StartAsync(pod, "nginx-udp", Blocks(pod), cancellationToken);
        await LabWait.ForListenerAsync(server, HeaderPort, null, cancellationToken);
    }

    /// <summary>Sends a datagram from a pod and waits up to two seconds for an answer; empty when none came.</summary>
    public static async Task<string> AskAsync(LabPod from, IPAddress to, CancellationToken cancellationToken)
    {
        // bash's own sockets (bash(1), REDIRECTION); dd reads one datagram whole and ends with it.
        var script = string.Create(CultureInfo.InvariantCulture, $"exec 3<>/dev/udp/{to}/{Port}; echo ask >&3; timeout {2 * LabWait.Patience} dd bs=65536 count=1 status=none <&3");
        var answer = await from.RunAsync("bash", ["-c", script], null, null, cancellationToken);
        return answer.Output.Trim();
    }

    /// <summary>Asks over IPv4 and IPv6 and demands answers with the client's own address in them.</summary>
    public static async Task RequireAnswersAsync(LabPod from, LabPod to, CancellationToken cancellationToken)
    {
        foreach (var (target, own) in new[] { (to.Address4, from.Address4), (to.Address6, from.Address6) })
        {
            var answer = await AskAsync(from, target, cancellationToken);
            DemoFailedException.ThrowUnless(
                answer.EndsWith($"client={own}", StringComparison.Ordinal) && answer.Contains(DemoWorld.Marker, StringComparison.Ordinal),
                $"{to} answered '{answer}' to a datagram, not with the client's address {own}");
        }
    }

    private static string Blocks(LabPod pod) => $$"""
        stream {
            server {
                listen {{Port}} udp;
                listen [::]:{{Port}} udp ipv6only=on;
                return "{{DemoWorld.Marker}} server={{pod.Name}} client=$remote_addr \n";
            }
        }
        http {
            access_log access.log;
            server {
                listen {{HeaderPort}} proxy_protocol;
                listen [::]:{{HeaderPort}} ipv6only=on proxy_protocol;
                location / { return 200 "server={{pod.Name}} header=$proxy_protocol_addr:$proxy_protocol_port to=$proxy_protocol_server_addr:$proxy_protocol_server_port \n"; }
            }
        }

        """;
}
