using Culvert.Core;

namespace Culvert.Controller.CustomResources;

/// <summary>TrafficPolicy.</summary>
internal static class TrafficPolicySchema
{
    /// <summary>The kind.</summary>
    public static CustomResource Resource { get; } = new("TrafficPolicy", "trafficpolicies")
    {
        ShortNames = ["cvtp"],
        Description = "How traffic to a Service of the policy's namespace is treated. What it says counts before the Service's annotations.",
        Spec = Nodes.Object(
            "The Service and what holds for it.",
            new SchemaField("targetRef", Nodes.Object(
                "The Service.",
                new SchemaField("kind", Nodes.OneOf("The kind.", "Service")) { IsRequired = true },
                new SchemaField("name", Nodes.Subdomain("Its name.")) { IsRequired = true }))
            {
                IsRequired = true,
            },
            new SchemaField("loadBalancing", Nodes.List("Who gets a new connection, or a new session of UDP. Ports that no entry names are balanced at random.", Balancing, 128)),
            new SchemaField("proxyProtocol", Nodes.ProxyProtocol("Has PROXY protocol headers put in front of connections to the workloads behind the Service; ports are the Service's.")),
            new SchemaField("acceptProxyProtocol", Nodes.AcceptProxyProtocol("Ports of the Service whose workloads take PROXY protocol headers from load balancers."))) with
        {
            Rules =
            [
                new(
                    "has(self.loadBalancing) || has(self.proxyProtocol) || has(self.acceptProxyProtocol)",
                    "says nothing of its target; loadBalancing, proxyProtocol or acceptProxyProtocol is required",
                    "that says nothing of its target: it needs `loadBalancing`, `proxyProtocol` or `acceptProxyProtocol`"),
                new(
                    "!has(self.loadBalancing) || self.loadBalancing.all(a, self.loadBalancing.exists_one(b, a.protocol == b.protocol && (has(a.port) ? has(b.port) && a.port == b.port : !has(b.port))))",
                    "loadBalancing names a port of a protocol twice",
                    "whose `spec.loadBalancing` names a port of a protocol twice"),
            ],
        },
        Columns = [new("Service", "string", ".spec.targetRef.name")],
        Example = """
            apiVersion: culvert.dev/v1alpha1
            kind: TrafficPolicy
            metadata:
              name: web
              namespace: shop
            spec:
              targetRef: {kind: Service, name: web}
              loadBalancing:
                - {protocol: TCP, mode: LEAST_CONNECTIONS}
                - {protocol: UDP, port: 53, mode: SOURCE_HASH}
              proxyProtocol: {version: v2, ports: [80], tlvs: NONE}
              acceptProxyProtocol:
                - ports: [443]
                  from: [10.0.0.0/8]
            """,
    };

    private static SchemaNode Balancing => Nodes.Object(
        "A port, or all ports of a protocol, and how it is balanced.",
        new SchemaField("protocol", Nodes.Words<TransportProtocol>("The protocol of the port.")) { IsRequired = true },
        new SchemaField("port", Nodes.Port("A port of the Service.")) { Default = "those of the protocol that no other entry names" },
        new SchemaField("mode", Nodes.Words<LoadBalancing>("At random by weight, one after the other, the one with the fewest connections (or sessions) of this node, or the same for the same client address.")) { IsRequired = true });
}
