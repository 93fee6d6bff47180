using System.Text;

namespace Culvert.Cni.Tests;

/// <summary>Calls as runtimes make them.</summary>
internal static class Calls
{
    internal const string Previous = """
        {"cniVersion":"1.0.0","interfaces":[{"name":"cni0","mac":"aa:bb:cc:dd:ee:01"},{"name":"veth1","mac":"aa:bb:cc:dd:ee:02"},{"name":"eth0","mac":"aa:bb:cc:dd:ee:03","sandbox":"/run/netns/x"}],
         "ips":[{"address":"10.1.0.5/24","gateway":"10.1.0.1","interface":2},{"address":"fd00::5/64","interface":2}],"routes":[{"dst":"0.0.0.0/0"}],"dns":{"nameservers":["10.0.0.10"]},"x.example/own":1}
        """;

    internal static Func<string, string?> Variables(string command) => name => name switch
    {
        "CNI_COMMAND" => command,
        "CNI_CONTAINERID" => "c1",
        "CNI_IFNAME" => "eth0",
        "CNI_NETNS" => "/run/netns/x",
        "CNI_ARGS" => "IgnoreUnknown=1;K8S_POD_NAMESPACE=shop;K8S_POD_NAME=web-0;K8S_POD_INFRA_CONTAINER_ID=c1;K8S_POD_UID=11aa",
        _ => null,
    };

    internal static byte[] Configuration(string version = "1.0.0", string more = "", string? previous = Previous) => Encoding.UTF8.GetBytes(
        $$"""{"cniVersion":"{{version}}","name":"pods","type":"culvert-cni"{{(more.Length > 0 ? "," + more : "")}}{{(previous is null ? "" : ",\"prevResult\":" + previous)}}}""".Replace("}}", "} }", StringComparison.Ordinal));
}
