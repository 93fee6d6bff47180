using Culvert.Core;

namespace Culvert.Controller.CustomResources;

/// <summary>Workload.</summary>
internal static class WorkloadSchema
{
    /// <summary>The kind.</summary>
    public static CustomResource Resource { get; } = new("Workload", "workloads")
    {
        ShortNames = ["cvw"],
        Description = "A member of the mesh, or a backend outside of it, that is no pod: something with addresses, on a node.",
        Spec = Nodes.Object(
            "The workload.",
            new SchemaField("node", Nodes.Subdomain("The node whose agent guards it and holds its certificate.")) { IsRequired = true },
            new SchemaField("addresses", Nodes.List("Its addresses.", Nodes.Address("An IPv4 or IPv6 address."), 16) with { ListType = SchemaListType.Set }) { IsRequired = true },
            new SchemaField("serviceAccount", Nodes.Subdomain("The account that its identity names: spiffe://TRUST-DOMAIN/ns/NAMESPACE/sa/ACCOUNT.")) { Default = "default" },
            new SchemaField("interface", Nodes.Text("The host's end of its interface.", @"^(\.{0,2}[^./: \t\n][^/: \t\n]*|\.{3}[^/: \t\n]*)$", 15)) { Default = "the interface that its address is routed to" },
            new SchemaField("networkNamespace", Nodes.Text("A name (ip netns) or an absolute path, for people.", @"^(/[^\x00-\x1f]+|\.{0,2}[^./\x00-\x1f][^/\x00-\x1f]*|\.{3}[^/\x00-\x1f]*)$", 4096)),
            new SchemaField("enrolled", Nodes.Flag("Whether it is in the mesh.")) { Default = "what its namespace says, else true" },
            new SchemaField("hostNetwork", Nodes.Flag("Whether it runs in its node's network: it shares the node's address, can't be enrolled, and counts as the node for NetworkPolicies.")) { Default = "false" },
            new SchemaField("ports", Nodes.List("Ports with a name, by which Services and NetworkPolicies may mean them.", Port, 64) with { ListType = SchemaListType.Map, ListKeys = ["name"] }),
            new SchemaField("proxyProtocol", Nodes.ProxyProtocol("Has PROXY protocol headers put in front of connections to the application.")),
            new SchemaField("acceptProxyProtocol", Nodes.AcceptProxyProtocol("Ports that take PROXY protocol headers from load balancers."))) with
        {
            Rules =
            [
                new(
                    "!(has(self.hostNetwork) && self.hostNetwork && has(self.enrolled) && self.enrolled)",
                    "a workload of its node's network (hostNetwork) can't be enrolled",
                    "that is of its node's network (`spec.hostNetwork`) and has `spec.enrolled`"),
            ],
        },
        Columns =
        [
            new("Node", "string", ".spec.node"), new("Account", "string", ".spec.serviceAccount"), new("Addresses", "string", ".spec.addresses", IsWide: true),
        ],
        Example = """
            apiVersion: culvert.dev/v1alpha1
            kind: Workload
            metadata:
              name: web-1
              namespace: shop
              labels: {app: web}
            spec:
              node: node1
              serviceAccount: web
              addresses: [10.91.1.1, "fd91:1::1"]
              interface: vethweb
              networkNamespace: web-1
              enrolled: true
              hostNetwork: false
              ports:
                - {name: http, port: 8080, protocol: TCP}
              proxyProtocol: {version: v2, ports: [80, 53/udp], tlvs: ALL}
              acceptProxyProtocol:
                - ports: [443]
                  from: [10.0.0.0/8, "fd00::/8"]
            """,
    };

    private static SchemaNode Port => Nodes.Object(
        "A port with a name.",
        new SchemaField("name", Nodes.Label("Its name.")) { IsRequired = true },
        new SchemaField("port", Nodes.Port("Its number.")) { IsRequired = true },
        new SchemaField("protocol", Nodes.Words<TransportProtocol>("Its protocol.")) { Default = "TCP" });
}
