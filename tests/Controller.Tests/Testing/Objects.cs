namespace Culvert.Controller.Tests;

/// <summary>Objects as text.</summary>
internal static class Objects
{
    public static string Workload(string name, string address, string node = "node-1") =>
        $"apiVersion: culvert.dev/v1alpha1\nkind: Workload\nmetadata: {{name: {name}, namespace: shop, labels: {{app: {name}}}}}\nspec: {{node: {node}, serviceAccount: {name}, addresses: [{address}]}}\n---\n";

    public static string Policy(string name, string app, string action = "DENY", int port = 80) =>
        $"apiVersion: culvert.dev/v1alpha1\nkind: AuthorizationPolicy\nmetadata: {{name: {name}, namespace: shop}}\nspec: {{selector: {{matchLabels: {{app: {app}}}}}, action: {action}, rules: [{{to: [{{ports: [{port}]}}]}}]}}\n---\n";
}
