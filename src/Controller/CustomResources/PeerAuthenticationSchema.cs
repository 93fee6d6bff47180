namespace Culvert.Controller.CustomResources;

/// <summary>PeerAuthentication.</summary>
internal static class PeerAuthenticationSchema
{
    /// <summary>The kind.</summary>
    public static CustomResource Resource { get; } = new("PeerAuthentication", "peerauthentications")
    {
        ShortNames = ["cvpa"],
        Description = "Whether some workloads take plaintext from outside the mesh. The narrowest that says something counts: workload, namespace, mesh.",
        Spec = Nodes.Object("The mode and whom it is for.", Nodes.Selector, new SchemaField("mtls", Nodes.Mtls("Mutual TLS.")) { IsRequired = true }),
        Columns = [new("Mode", "string", ".spec.mtls.mode")],
        Example = """
            apiVersion: culvert.dev/v1alpha1
            kind: PeerAuthentication
            metadata:
              name: strict
              namespace: shop
            spec:
              selector:
                matchLabels: {app: web}
              mtls:
                mode: STRICT
            """,
    };
}
