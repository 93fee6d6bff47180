using Culvert.Controller.Admission;
using Culvert.Kubernetes.Resources;
using Culvert.Tests.Shared;

namespace Culvert.Controller.Tests.Kubernetes;

/// <summary>The configuration of <c>deploy/controller/webhook.yaml</c> for a test's objects alone, and by another name, until it is disposed of.</summary>
internal sealed class TestWebhook : IAsyncDisposable
{
    private const string Label = "culvert.dev/test";
    private readonly TestCluster _cluster;
    private readonly string _ns;
    private readonly string _webhook;

    private TestWebhook(TestCluster cluster, string ns, string webhook) => (_cluster, _ns, _webhook) = (cluster, ns, webhook);

    /// <summary>Its name.</summary>
    public static ResourceName Name { get; } = new("culvert-test");

    /// <summary>The document.</summary>
    public string Text { get; private set; } = "";

    /// <summary>Applies it for the objects of a namespace, with an address of this machine at which nobody listens.</summary>
    public static async Task<TestWebhook> ApplyAsync(TestCluster cluster, string ns, string webhook = WebhookBundle.WebhookName)
    {
        TestWebhook made = new(cluster, ns, webhook);
        await cluster.Server.KubectlAsync("", "label", "namespace", ns, $"{Label}={ns}");
        await made.MoveAsync(1);
        return made;
    }

    /// <summary>Applies it for objects with a label, of which the value is given, with the Service that it is of.</summary>
    public static async Task<TestWebhook> ApplyAsItIsAsync(TestCluster cluster, string value)
    {
        TestWebhook made = new(cluster, "", WebhookBundle.WebhookName);
        await made.WriteAsync("", $"  objectSelector: {{matchLabels: {{{Label}: {value}}}}}");
        return made;
    }

    /// <summary>Has the server ask a controller.</summary>
    public Task MoveAsync(RunningOnCluster controller) => MoveAsync(controller.Host.WebhookEndPoint!.Port);

    public async ValueTask DisposeAsync() => await _cluster.Server.KubectlAsync("", "delete", "validatingwebhookconfiguration", Name.Name);

    // There is one MeshConfig, which is in no namespace.
    private Task MoveAsync(int port) => WriteAsync("meshconfigs, ", $"  namespaceSelector: {{matchLabels: {{{Label}: {_ns}}}}}", $"    url: https://localhost:{port}/validate");

    private async Task WriteAsync(string without, string selector, string? place = null)
    {
        List<string> lines = [.. await File.ReadAllLinesAsync(Repository.PathOf("deploy/controller/webhook.yaml"), TestContext.Current.CancellationToken), ""];
        int service = lines.FindIndex(l => l.StartsWith("    service: {", StringComparison.Ordinal));
        if (place is not null) lines[service] = place;
        lines.Insert(service + 1, selector);
        Text = string.Join('\n', lines).Replace("  name: culvert-controller\n", $"  name: {Name}\n", StringComparison.Ordinal).Replace(WebhookBundle.WebhookName, _webhook, StringComparison.Ordinal);
        if (without.Length > 0) Text = Text.Replace(without, "", StringComparison.Ordinal);
        await _cluster.Server.KubectlAsync(Text, "apply", "-f", "-", "--server-side");
    }
}
