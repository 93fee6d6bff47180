using System.Globalization;
using System.Text.Json;
using Culvert.Labs;
using Culvert.Labs.Mesh;
using Culvert.Tests.Shared;

namespace Culvert.SystemTests.Fixtures;

/// <summary>One call of the CNI plugin's program.</summary>
/// <param name="Code">Its exit code.</param>
/// <param name="Output">What it has written on standard output.</param>
/// <param name="Errors">And on standard error.</param>
internal sealed record CniCall(int Code, string Output, string Errors)
{
    private static readonly string Native = Repository.PathOf("artifacts/cni/culvert-cni");

    /// <summary>Whether the program is the one that nodes get, or what an ordinary build makes, which takes longer to start.</summary>
    internal static bool IsNative => File.Exists(Native);

    internal static string Program => IsNative ? Native : Repository.PathOf("src/CniPlugin/bin/Release/net10.0/culvert-cni");

    /// <summary>The code of the error that it has told; 0: none.</summary>
    internal int Error
    {
        get
        {
            if (Code == 0) return 0;
            using var error = JsonDocument.Parse(Output);
            return error.RootElement.GetProperty("code").GetInt32();
        }
    }

    internal static string SocketOf(MeshNode node) => Path.Combine(Path.GetDirectoryName(node.AdminSocket)!, "cni.sock");

    /// <summary>Calls it as a runtime does that has connected a pod by other plugins before.</summary>
    internal static async Task<CniCall> RunAsync(MeshNode node, string command, LabPod pod, int timeout = 30, string? version = null)
    {
        version ??= command is "STATUS" or "GC" ? "1.1.0" : "1.0.0"; // they are no older
        var container = string.Create(CultureInfo.InvariantCulture, $"c-{pod.Name}");
        var previous = command is "ADD" or "CHECK" or "DEL" ? $",\"prevResult\":{PreviousOf(pod, version)}" : "";
        var valid = command == "GC" ? ",\"cni.dev/valid-attachments\":[]" : "";
        var input = string.Create(CultureInfo.InvariantCulture, $$"""{"cniVersion":"{{version}}","name":"lab","type":"culvert-cni","agentSocket":"{{SocketOf(node)}}","timeoutSeconds":{{timeout}}{{previous}}{{valid}} }""");
        var result = await Tool.RunAsync(
            "nsenter",
            [
                "--net=" + node.Place.NamespacePath, "env", "CNI_COMMAND=" + command, "CNI_CONTAINERID=" + container, "CNI_NETNS=" + pod.NamespacePath, "CNI_IFNAME=eth0", "CNI_PATH=/opt/cni/bin",
                $"CNI_ARGS=IgnoreUnknown=1;K8S_POD_NAMESPACE={MeshObjects.Namespace};K8S_POD_NAME={pod.Name};K8S_POD_INFRA_CONTAINER_ID={container};K8S_POD_UID=uid-{pod.Name}",
                Program,
            ],
            input,
            TimeSpan.FromSeconds(60),
            TestContext.Current.CancellationToken);
        return new CniCall(result.ExitCode, result.Output, result.Error);
    }

    /// <summary>What the plugins before have made.</summary>
    internal static string PreviousOf(LabPod pod, string version = "1.0.0") => $$"""
        {"cniVersion":"{{version}}","interfaces":[{"name":"{{pod.HostInterface}}","mac":"{{pod.HostMac}}"},{"name":"eth0","mac":"{{pod.Mac}}","sandbox":"{{pod.NamespacePath}}"}],"ips":[{"address":"{{pod.Address4}}/32","interface":1},{"address":"{{pod.Address6}}/128","interface":1}],"dns":{} }
        """;
}
