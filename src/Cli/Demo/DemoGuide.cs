using Culvert.Labs;

namespace Culvert.Cli.Demo;

/// <summary>What to try in a demo that was left up.</summary>
internal static class DemoGuide
{
    /// <summary>A Service that is made for whoever wants to try routes, and policies about requests.</summary>
    public const string HttpService = "shop", HttpAddress = "10.96.0.12";

    public static IReadOnlyList<string> Commands(string folder)
    {
        var id = Path.GetFileName(folder);
        string In(string place) => $"nsenter --net=/run/netns/cv-{id}-{place}";
        return
        [
            $"{In("client")} curl -s http://10.91.2.1:8080/                       # to the other node, by mutual TLS",
            $"{In("client")} curl -s http://10.96.0.10/                           # by the service's address",
            $"{In("client")} curl -s http://{HttpAddress}/                           # Service {HttpService}, which speaks HTTP: an HTTPRoute, a TrafficPolicy or a RateLimit for it may stand beside {folder}/objects/service-{HttpService}.yaml",
            $"{In("guest")} curl -s --max-time 3 http://10.91.1.3:8080/          # refused",
            $"echo ask | {In("client")} socat -t 2 - UDP4:10.91.2.1:9053         # a datagram to the other node",
            $"culvert status --admin-socket {folder}/node1/run/agent.sock",
            $"culvert flows --follow --admin-socket {folder}/node2/run/agent.sock",
            $"culvert explain demo/guest demo/far:8080 --admin-socket {folder}/node2/run/agent.sock",
            $"{In("node1")} tcpdump -ni {LabNode.Uplink} -X tcp port 15008           # what the link carries",
            $"{In("node1")} curl -s http://127.0.0.1:15020/metrics",
            $"$EDITOR {folder}/objects/policy-web.yaml                            # takes effect when saved",
            $"culvert detach --all --lab-dir {folder}                 # remove all of it",
        ];
    }
}
