using System.Globalization;
using System.Net;
using System.Text;
using Culvert.Labs;

namespace Culvert.SystemTests.Peers;

/// <summary>nginx and haproxy as receivers and as senders of PROXY headers.</summary>
internal static class ProxyProtocolPeers
{
    /// <summary>How a sender speaks, in order of its ports from <see cref="FirstPort"/>; each has a port per target and family.</summary>
    public static readonly string[] Senders = ["haproxy-v1", "haproxy-v2", "haproxy-v2-tlvs", "nginx-v1"];

    private const int FirstPort = 7000;

    private static readonly Dictionary<string, string> HaproxyOptions = new(StringComparer.Ordinal)
    {
        ["haproxy-v1"] = "send-proxy",
        ["haproxy-v2"] = "send-proxy-v2",
        ["haproxy-v2-tlvs"] = "send-proxy-v2 proxy-v2-options crc32c,unique-id",
    };

    /// <summary>The sender's port that leads to a target: in order of targets, IPv4 before IPv6.</summary>
    public static int Port(string sender, int target, bool ipv6) => FirstPort + (Array.IndexOf(Senders, sender) * 10) + (target * 2) + (ipv6 ? 1 : 0);

    /// <summary>nginx (http on 8080, stream on 8082) and haproxy (8081) that answer with what the header said.</summary>
    public static async Task StartReceiversAsync(LabPod pod)
    {
        const string Said = "$proxy_protocol_addr|$proxy_protocol_port|$proxy_protocol_server_addr|$proxy_protocol_server_port";
        await StartNginxAsync(pod, "receiver", $$"""
            http {
                access_log off;
                server {
                    listen 8080 proxy_protocol;
                    listen [::]:8080 ipv6only=on proxy_protocol;
                    location / { return 200 "{{Said}}"; }
                }
            }
            stream {
                server {
                    listen 8082 proxy_protocol;
                    listen [::]:8082 ipv6only=on proxy_protocol;
                    return "{{Said}}";
                }
            }
            """, 8080);
        await StartHaproxyAsync(pod, "receiver", """
            frontend receiver
                mode http
                bind :8081 accept-proxy
                bind [::]:8081 v6only accept-proxy
                http-request return status 200 content-type text/plain lf-string "%[src]|%[src_port]|%[dst]|%[dst_port]|%[fc_pp_authority]|%[fc_pp_unique_id]"
            """, 8081);
    }

    /// <summary>haproxy and nginx that put a header in front of what they forward to the targets' port.</summary>
    public static async Task StartSendersAsync(LabNamespace place, IReadOnlyList<LabPod> targets, IPAddress? from4, IPAddress? from6)
    {
        var (haproxy, nginx) = (new StringBuilder(), new StringBuilder("stream {\n"));
        foreach (var sender in Senders)
        {
            for (var target = 0; target < targets.Count; target++)
            {
                foreach (var ipv6 in new[] { false, true })
                {
                    var listen = new IPEndPoint(ipv6 ? IPAddress.IPv6Any : IPAddress.Any, Port(sender, target, ipv6));
                    var server = new IPEndPoint(ipv6 ? targets[target].Address6 : targets[target].Address4, Fixtures.ProxyProtocolFixture.Taking);
                    var from = ipv6 ? (from6 is null ? null : $"[{from6}]") : from4?.ToString();
                    if (sender == "nginx-v1")
                    {
                        nginx.Append(CultureInfo.InvariantCulture, $"server {{ listen {listen}{(ipv6 ? " ipv6only=on" : "")}; proxy_pass {server}; proxy_protocol on; {(from is null ? "" : $"proxy_bind {from.Trim('[', ']')};")} }}\n");
                    }
                    else
                    {
                        haproxy.Append(CultureInfo.InvariantCulture, $"""
                            listen {sender}-{target}-{(ipv6 ? 6 : 4)}
                                mode tcp
                                bind {listen}{(ipv6 ? " v6only" : "")}
                                unique-id-format %rt-%Ts
                                server s {server} {HaproxyOptions[sender]} {(from is null ? "" : $"source {from}")}

                            """);
                    }
                }
            }
        }

        await StartNginxAsync(place, "sender", nginx.Append('}').ToString(), Port("nginx-v1", 0, ipv6: false));
        await StartHaproxyAsync(place, "sender", haproxy.ToString(), Port("haproxy-v1", 0, ipv6: false));
    }

    private static async Task StartNginxAsync(LabNamespace place, string name, string blocks, int port)
    {
        var process = await LabNginx.StartAsync(place, $"nginx-{name}", blocks);
        await LabWait.ForListenerAsync(process, port);
    }

    private static async Task StartHaproxyAsync(LabNamespace place, string name, string sections, int port)
    {
        var configuration = Path.Combine(place.Lab.Folder, $"haproxy-{name}-{place.Name}.cfg");
        await File.WriteAllTextAsync(configuration, $"""
            defaults
                timeout connect 5s
                timeout client 10s
                timeout server 10s

            {sections}

            """);
        var process = place.Start($"haproxy-{name}-{place.Name}", "haproxy", "-db", "-f", configuration);
        await LabWait.ForListenerAsync(process, port);
    }
}
