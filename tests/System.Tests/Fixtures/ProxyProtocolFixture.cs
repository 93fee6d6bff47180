using System.Net;
using System.Net.Sockets;
using Culvert.Labs;
using Culvert.Labs.Mesh;
using Culvert.SystemTests.Peers;

namespace Culvert.SystemTests.Fixtures;

/// <summary>
/// A permissive mesh with nginx and haproxy on both sides of PROXY headers: as applications in near (node1) and far (node2), and as
/// load balancers on a machine outside the mesh and in the pod front.
/// </summary>
public sealed class ProxyProtocolFixture : IAsyncLifetime
{
    /// <summary>Raw port whose application wants a header.</summary>
    public const int Asking = 9000;

    /// <summary>Raw port that takes headers of load balancers.</summary>
    public const int Taking = 8200;

    /// <summary>Raw port that takes headers and whose application wants one.</summary>
    public const int TakingAndAsking = 8201;

    /// <summary>Addresses outside the mesh: the load balancer's, two clients', a stranger's.</summary>
    public static readonly IPAddress Balancer4 = IPAddress.Parse("10.90.0.250");
    public static readonly IPAddress Balancer6 = IPAddress.Parse("fd90::250");
    public static readonly IPAddress Client4 = IPAddress.Parse("10.90.0.251");
    public static readonly IPAddress Client6 = IPAddress.Parse("fd90::251");
    public static readonly IPAddress Banned4 = IPAddress.Parse("10.90.0.252");
    public static readonly IPAddress Stranger4 = IPAddress.Parse("10.90.0.253");

    internal MeshLab Mesh { get; private set; } = null!;

    internal MeshNode Node1 => Mesh.Nodes[0];

    internal MeshNode Node2 => Mesh.Nodes[1];

    /// <summary>The machine outside the mesh.</summary>
    internal LabNode External => Mesh.ControllerPlace;

    internal LabPod Client { get; private set; } = null!;

    internal LabPod Front { get; private set; } = null!;

    internal LabPod Near { get; private set; } = null!;

    internal LabPod Far { get; private set; } = null!;

    public async ValueTask InitializeAsync()
    {
        await Lab.RemoveStaleAsync();
        Mesh = await MeshFixture.CreateAsync(new MeshLabOptions());
        Mesh.Objects.Write("mesh", MeshObjects.Mesh().Replace("STRICT", "PERMISSIVE", StringComparison.Ordinal));
        Client = await Mesh.AddPodAsync(Node1, "client", "client");
        Front = await Mesh.AddPodAsync(Node1, "front", "front");
        Near = await Mesh.AddPodAsync(Node1, "near", "near");
        Far = await Mesh.AddPodAsync(Node2, "far", "far");
        foreach (var (pod, index) in new[] { (Near, 1), (Far, 2) })
        {
            var name = pod.Name;
            Mesh.Objects.Write("workload-" + name, MeshObjects.Workload(
                pod, name,
                $"culvert.dev/proxy-protocol: \"v2:{Asking},{TakingAndAsking}\"",
                $"culvert.dev/accept-proxy-protocol: \"{Taking},{TakingAndAsking},{DatagramPeers.Taking}/udp; from={Balancer4}/32,{Balancer6}/128,{Front.Address4}/32,{Front.Address6}/128\""));
            Mesh.Objects.Write("service-" + name, Service(name, name, $"7.{index}", $"7:{index}", "v2", $$"""
                    - {name: nginx, port: 80, targetPort: 8080}
                    - {name: haproxy, port: 81, targetPort: 8081}
                    - {name: raw, port: 90, targetPort: {{Asking}}}
                    - {name: dns, port: 53, targetPort: {{DatagramPeers.Asking}}, protocol: UDP}
                    - {name: dns-tcp, port: 53, targetPort: {{DatagramPeers.Asking}}}
                """));

            // Before 1.23.2 nginx's stream module takes 107 bytes of header at most.
            Mesh.Objects.Write("service-stream-" + name, Service("stream-" + name, name, $"8.{index}", $"8:{index}", "v2; tlvs=none", "    - {port: 82, targetPort: 8082}"));
        }

        Mesh.Objects.Write("policy-banned", $$"""
            apiVersion: culvert.dev/v1alpha1
            kind: AuthorizationPolicy
            metadata: {name: banned, namespace: {{MeshObjects.Namespace}}}
            spec: {action: DENY, rules: [{from: [{ipBlocks: [{{Banned4}}/32]}]}]}
            """);
        await External.ScriptAsync(string.Join('\n', new[] { Balancer4, Client4, Banned4, Stranger4 }.Select(a => $"ip address add {a}/24 dev {LabNode.Uplink}"))
            + string.Concat(new[] { Balancer6, Client6 }.Select(a => $"\nip address add {a}/64 dev {LabNode.Uplink} nodad")));
        foreach (var pod in new[] { Near, Far })
        {
            await ProxyProtocolPeers.StartReceiversAsync(pod);
            await DatagramPeers.StartReceiverAsync(pod);
        }

        await MeshFixture.StartAsync(Mesh);
        await ProxyProtocolPeers.StartSendersAsync(External, [Near, Far], Balancer4, Balancer6);
        await ProxyProtocolPeers.StartSendersAsync(Front, [Near, Far], null, null);
        await DatagramPeers.StartSenderAsync(External, [Near, Far], Balancer4, Balancer6);
        await DatagramPeers.StartSenderAsync(Front, [Near, Far], null, null);
    }

    public ValueTask DisposeAsync() => Mesh is null ? ValueTask.CompletedTask : Mesh.DisposeAsync();

    internal LabPod Pod(TestPath path) => path == TestPath.Direct ? Near : Far;

    /// <summary>The address of the Service that has a port and leads to a pod.</summary>
    internal static IPAddress Vip(LabPod pod, TestFamily family, int port)
    {
        var (group, index) = (port == 82 ? 8 : 7, pod.Name == "near" ? 1 : 2);
        return IPAddress.Parse(family == TestFamily.IPv4 ? $"10.96.{group}.{index}" : $"fd96::{group}:{index}");
    }

    /// <summary>Connects from a place, from one of its addresses if that matters.</summary>
    internal static async Task<Socket> ConnectAsync(LabNamespace from, IPAddress? source, IPEndPoint to)
    {
        var socket = from.CreateSocket(to.AddressFamily);
        try
        {
            socket.NoDelay = true;
            if (source is not null)
            {
                socket.Bind(new IPEndPoint(source, 0));
            }

            using var deadline = new CancellationTokenSource(TimeSpan.FromSeconds(10));
            await socket.ConnectAsync(to, deadline.Token);
            return socket;
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    private static string Service(string name, string app, string end4, string end6, string asks, string ports) => $$"""
        apiVersion: v1
        kind: Service
        metadata:
          name: {{name}}
          namespace: {{MeshObjects.Namespace}}
          annotations:
            culvert.dev/proxy-protocol: "{{asks}}"
        spec:
          clusterIP: 10.96.{{end4}}
          clusterIPs: [10.96.{{end4}}, "fd96::{{end6}}"]
          selector: {app: {{app}}}
          ports:
        {{ports}}

        """;
}
