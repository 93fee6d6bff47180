using System.Text.Json.Nodes;
using Culvert.Cli.CommandLine;
using Culvert.Cli.Commands;
using Culvert.Cli.Installation;
using Culvert.Kubernetes.Tests.Cluster;
using Culvert.Tests.Shared;
using k8s.Models;
using YamlDotNet.RepresentationModel;

namespace Culvert.Cli.Tests;

public sealed class InstallationTests
{
    private const string Container = "/spec/template/spec/containers/0";

    [Fact]
    public async Task Without_options_the_images_of_this_version_are_installed_in_the_order_kinds_controller_agents()
    {
        var objects = await RenderAsync();
        Assert.Equal(objects.OrderBy(o => Kind(o) == "CustomResourceDefinition" ? 0 : Name(o) == "culvert-agent" ? 2 : 1).Select(Name), objects.Select(Name));
        Assert.Equal($"localhost/culvert-controller:{ProgramVersion.Release}", Text(Of(objects, "Deployment"), $"{Container}/image"));
        Assert.Equal($"localhost/culvert-agent:{ProgramVersion.Release}", Text(Of(objects, "DaemonSet"), $"{Container}/image"));
        Assert.Null(At(Of(objects, "Namespace"), "/metadata/annotations"));
        Assert.Equal(60, At(Of(objects, "DaemonSet"), "/spec/template/spec/terminationGracePeriodSeconds")!.GetValue<int>());
        Assert.True(At(Of(objects, "DaemonSet"), "/spec/template/spec/hostNetwork")!.GetValue<bool>());
    }

    [Fact]
    public async Task Every_file_of_deploy_that_is_applied_is_in_it()
    {
        var names = (await RenderAsync()).Select(o => $"{Kind(o)} {Name(o)}").Order(StringComparer.Ordinal);
        var files = new[] { "crds", "controller", "daemonset" }.SelectMany(f => Directory.GetFiles(Repository.PathOf($"deploy/{f}"), "*.yaml"))
            .Where(f => Path.GetFileName(f) != "kustomization.yaml").SelectMany(f => Manifest.Read(File.ReadAllText(f))).Select(m => $"{m.Kind} {m.Name}").Order(StringComparer.Ordinal);
        Assert.Equal(files, names);
    }

    [Fact]
    public void Of_the_controller_the_webhook_comes_last_and_so_goes_first()
    {
        // Without a controller it would let nobody write objects of the mesh.
        var plan = InstallPlan.Create(new());
        Assert.Equal("ValidatingWebhookConfiguration culvert-controller", plan.Controller[^1].ToString());
        Assert.Equal(plan.Kinds.Select(k => $"{k.Find("spec/names/plural")}").Order(StringComparer.Ordinal), ((YamlSequenceNode)plan.Controller[^1].Find("webhooks/0/rules/0/resources")!).Select(r => r.ToString()).Order(StringComparer.Ordinal));
        Assert.Null(plan.Controller[^1].Find("webhooks/0/clientConfig/caBundle"));
    }

    [Theory]
    [InlineData("Deployment", "controller.yaml")]
    [InlineData("DaemonSet", "agents.yaml")]
    public async Task In_the_sample_of_a_mesh_by_Spire_the_sockets_that_are_asked_are_there(string kind, string patch)
    {
        var patched = Of(await RenderAsync(), kind);
        var operations = Manifest.Read("operations:\n" + await File.ReadAllTextAsync(Repository.PathOf($"samples/spire/{patch}"), TestContext.Current.CancellationToken)).Single().ToJson();
        foreach (var operation in JsonNode.Parse(operations)!["operations"]!.AsArray())
        {
            Assert.Equal("add", operation!["op"]!.GetValue<string>());
            var path = operation["path"]!.GetValue<string>();
            Assert.EndsWith("/-", path, StringComparison.Ordinal);
            At(patched, path[..^"/-".Length])!.AsArray().Add(operation["value"]!.DeepClone());
        }
        var sockets = At(patched, $"{Container}/args")!.AsArray().Select(a => a!.GetValue<string>().Split("=unix://")).Where(a => a.Length == 2).Select(a => a[1]);
        var mount = At(patched, $"{Container}/volumeMounts")!.AsArray().Single(m => m!["name"]!.GetValue<string>() == "spire")!["mountPath"]!.GetValue<string>();
        var volume = At(patched, "/spec/template/spec/volumes")!.AsArray().Single(v => v!["name"]!.GetValue<string>() == "spire")!["hostPath"]!["path"]!.GetValue<string>();
        Assert.Equal(mount, volume);
        Assert.StartsWith(mount + "/", Assert.Single(sockets), StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_same_is_applied_as_by_kubectl()
    {
        Assert.SkipWhen(KubernetesBinaries.Missing is not null, KubernetesBinaries.Missing ?? "");
        var plan = InstallPlan.Create(new());
        foreach (var (folder, manifests) in new[] { ("crds", plan.Kinds), ("controller", plan.Controller), ("daemonset", plan.Agents), ("removal", [plan.Removal]) })
        {
            if (folder == "removal" && KubernetesBinaries.IsOld) continue; // this kubectl does not take one folder for another's resource
            var rendered = Manifest.Read(await KustomizeAsync($"deploy/{folder}")).ToDictionary(m => m.ToString(), m => JsonNode.Parse(m.ToJson()));
            foreach (var manifest in manifests) Assert.True(JsonNode.DeepEquals(rendered[manifest.ToString()], JsonNode.Parse(manifest.ToJson())), $"{manifest} of {folder}");
            if (folder != "removal") Assert.Equal(rendered.Count, manifests.Count);
        }
    }

    [Fact]
    public async Task Options_are_in_the_objects_and_kept_for_an_upgrade()
    {
        var objects = await RenderAsync(
            "--image-prefix", "registry.example.com:5000/mesh", "--image-tag", "1.2.3", "--controller-address", "fd00:10:96::f", "--cni-conf-dir", "/var/cni/net.d", "--cni-bin-dir", "/home/kubernetes/bin");
        var agent = Of(objects, "DaemonSet");
        Assert.Equal("registry.example.com:5000/mesh/culvert-agent:1.2.3", Text(agent, $"{Container}/image"));
        Assert.Equal("registry.example.com:5000/mesh/culvert-controller:1.2.3", Text(Of(objects, "Deployment"), $"{Container}/image"));
        string[] arguments = [.. At(agent, $"{Container}/args")!.AsArray().Select(a => a!.GetValue<string>())];
        Assert.Contains("--controller=https://[fd00:10:96::f]:15012", arguments);
        Assert.Contains("--cni-conf-dir=/var/cni/net.d", arguments);
        Assert.Contains("--cni-bin-dir=/home/kubernetes/bin", arguments);
        Assert.Equal("/home/kubernetes/bin", At(agent, $"{Container}/volumeMounts")!.AsArray().Single(m => m!["name"]!.GetValue<string>() == "cni-bin")!["mountPath"]!.GetValue<string>());
        Assert.Equal("/var/cni/net.d", At(agent, "/spec/template/spec/volumes")!.AsArray().Single(v => v!["name"]!.GetValue<string>() == "cni-conf")!["hostPath"]!["path"]!.GetValue<string>());
        Assert.Equal("fd00:10:96::f", Text(Of(objects, "Service"), "/spec/clusterIP"));

        var kept = InstallOptions.Read(At(Of(objects, "Namespace"), "/metadata/annotations")![InstallPlan.OptionsAnnotation]!.GetValue<string>());
        Assert.Null(kept.ImageTag);
        var upgraded = new InstallOptions { CniBinFolder = "/opt/cni/bin" }.Over(kept);
        Assert.Equal(new InstallOptions { ImagePrefix = "registry.example.com:5000/mesh", ControllerAddress = "fd00:10:96::f", CniConfFolder = "/var/cni/net.d", CniBinFolder = "/opt/cni/bin" }, upgraded);
    }

    [Fact]
    public void What_empties_nodes_stands_in_the_agents_place_and_runs_no_agent()
    {
        var removal = JsonNode.Parse(InstallPlan.Create(new() { CniBinFolder = "/home/kubernetes/bin" }).Removal.ToJson())!;
        Assert.Equal("culvert-agent", Text(removal, "/metadata/name"));
        Assert.Contains("culvert detach --all --purge", At(removal, $"{Container}/command")!.ToJsonString(), StringComparison.Ordinal);
        Assert.Null(At(removal, $"{Container}/args"));
        Assert.Null(At(removal, $"{Container}/livenessProbe"));
        Assert.Equal("100%", Text(removal, "/spec/updateStrategy/rollingUpdate/maxUnavailable"));
        Assert.True(At(removal, "/spec/template/spec/volumes")!.AsArray().Single(v => v!["configMap"] is not null)!["configMap"]!["optional"]!.GetValue<bool>());
        Assert.Contains("/home/kubernetes/bin", At(removal, "/spec/template/spec/volumes")!.ToJsonString(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("--image-prefix", "Registry/x", "is not the beginning of an image's name")]
    [InlineData("--image-prefix", "https://registry.example.com/mesh", "is not the beginning of an image's name")]
    [InlineData("--image-prefix", "registry/x/", "is not the beginning of an image's name")]
    [InlineData("--image-tag", "a b", "is not a tag")]
    [InlineData("--controller-address", "controller", "is not an address")]
    [InlineData("--cni-bin-dir", "opt/cni", "is not an absolute path")]
    [InlineData("--timeout", "0", "is not between 1 and 86400")]
    [InlineData("--kubeconfig", "", "is not of the form FILE")]
    public async Task Options_that_make_no_sense_are_named(string option, string value, string expected)
    {
        var (code, _, error) = await RunAsync("install", "--dry-run", option, value);
        Assert.Equal(ExitCode.Usage, code);
        Assert.Contains($"{option}: '{value}' {expected}", error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_kubeconfig_that_is_not_there_is_named()
    {
        var (code, _, error) = await RunAsync("upgrade", "--kubeconfig", "/nowhere/config");
        Assert.Equal(ExitCode.BadInput, code);
        Assert.Contains("/nowhere/config", error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_API_server_that_does_not_answer_is_named()
    {
        using var file = new TemporaryFile("""
            apiVersion: v1
            kind: Config
            clusters: [{name: a, cluster: {server: "https://127.0.0.1:1"}}]
            users: [{name: a, user: {token: a}}]
            contexts: [{name: a, context: {cluster: a, user: a}}]
            current-context: a
            """);
        var (code, _, error) = await RunAsync("uninstall", "--kubeconfig", file.Path);
        Assert.Equal(ExitCode.CannotConnect, code);
        Assert.Contains("127.0.0.1:1", error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(2, 2, 1, 1, 1, 2, 1, false)] // one of two is there
    [InlineData(2, 2, 2, 2, 2, 2, 2, true)]
    [InlineData(2, 2, 3, 2, 3, 2, 2, false)] // one of the template before is left
    [InlineData(2, 2, 2, 2, 1, 2, 1, false)]
    [InlineData(2, 2, 3, 1, 2, 2, 0, false)] // two of the template before serve, and the first of the newest can't start
    [InlineData(3, 2, 2, 2, 2, 2, 0, false)] // the newest template has not been seen yet
    public void A_Deployment_is_done_when_all_of_its_newest_pods_and_no_others_are_there(long generation, long observed, int replicas, int updated, int available, int wanted, int ready, bool isDone)
    {
        var deployment = new V1Deployment
        {
            Metadata = new() { Generation = generation },
            Spec = new() { Replicas = wanted },
            Status = new() { ObservedGeneration = observed, Replicas = replicas, UpdatedReplicas = updated, AvailableReplicas = available, UnavailableReplicas = replicas - available },
        };
        Assert.Equal((ready, isDone), (Rollout.Of(deployment).Ready, Rollout.Of(deployment).IsDone));
    }

    [Fact]
    public void How_many_of_the_earlier_version_are_there_is_told_until_it_is_done()
    {
        var before = new V1Deployment { Metadata = new() { Generation = 2 }, Spec = new() { Replicas = 2 }, Status = new() { ObservedGeneration = 2, Replicas = 3, UpdatedReplicas = 1, AvailableReplicas = 2, UnavailableReplicas = 1 } };
        Assert.Equal("0 of 2 ready, 2 of the earlier version still there", Rollout.Of(before).ToString());
        var set = new V1DaemonSet { Metadata = new() { Generation = 2 }, Status = new() { ObservedGeneration = 2, DesiredNumberScheduled = 3, UpdatedNumberScheduled = 1, NumberAvailable = 3 } };
        Assert.Equal("1 of 3 ready, 2 of the earlier version still there", Rollout.Of(set).ToString());
        Assert.Equal("2 of 2 ready", new Rollout(2, 2, 0, IsDone: true).ToString());
    }

    [Theory]
    [InlineData(1, 1, 0, 0, 0, false)] // no node takes it
    [InlineData(1, 1, 2, 2, 2, true)]
    [InlineData(1, 1, 2, 1, 2, false)]
    [InlineData(1, 1, 2, 2, 1, false)]
    [InlineData(2, 1, 2, 2, 2, false)]
    public void A_DaemonSet_is_done_when_each_node_has_its_newest_pod(long generation, long observed, int wanted, int updated, int available, bool isDone)
    {
        var set = new V1DaemonSet
        {
            Metadata = new() { Generation = generation },
            Status = new() { ObservedGeneration = observed, DesiredNumberScheduled = wanted, UpdatedNumberScheduled = updated, NumberAvailable = available },
        };
        Assert.Equal(isDone, Rollout.Of(set).IsDone);
    }

    [Fact]
    public void What_keeps_a_pod_from_being_ready_is_told()
    {
        var unscheduled = new V1Pod { Metadata = new() { Name = "a" }, Spec = new(), Status = new() { Conditions = [new() { Type = "PodScheduled", Status = "False", Reason = "Unschedulable", Message = "0/2 nodes are available" }] } };
        Assert.Equal("a: 0/2 nodes are available", PodTrouble.Of(unscheduled));
        Assert.Equal("a on n1: ErrImageNeverPull: image is not there", PodTrouble.Of(Waiting("ErrImageNeverPull", "image is not there")));
        Assert.Null(PodTrouble.Of(Waiting("ContainerCreating", null)));
        Assert.Equal("a on n1: CrashLoopBackOff: ended with exit code 3", PodTrouble.Of(Of(new() { State = new() { Waiting = new() { Reason = "CrashLoopBackOff" } }, LastState = new() { Terminated = new() { ExitCode = 3, Reason = "Error" } } })));
        Assert.Equal("a on n1: ended with exit code 137 (OOMKilled)", PodTrouble.Of(Of(new() { LastState = new() { Terminated = new() { ExitCode = 137, Reason = "OOMKilled" } } })));
        Assert.Null(PodTrouble.Of(Of(new() { Ready = true, LastState = new() { Terminated = new() { ExitCode = 3 } } })));

        static V1Pod Waiting(string reason, string? message) => Of(new() { State = new() { Waiting = new() { Reason = reason, Message = message } } });
        static V1Pod Of(V1ContainerStatus status) => new() { Metadata = new() { Name = "a" }, Spec = new() { NodeName = "n1" }, Status = new() { Conditions = [], ContainerStatuses = [status] } };
    }

    private static async Task<JsonNode[]> RenderAsync(params string[] options)
    {
        var (code, output, error) = await RunAsync(["install", "--dry-run", "-o", "json", .. options]);
        Assert.True(code == ExitCode.Ok, error);
        return [.. JsonNode.Parse(output)!["items"]!.AsArray().Select(n => n!)];
    }

    private static async Task<string> KustomizeAsync(string folder)
    {
        using var kubectl = System.Diagnostics.Process.Start(new System.Diagnostics.ProcessStartInfo(KubernetesBinaries.Of("kubectl"), ["kustomize", Repository.PathOf(folder)]) { RedirectStandardOutput = true })!;
        return await kubectl.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
    }

    private static async Task<(ExitCode Code, string Output, string Error)> RunAsync(params string[] arguments)
    {
        using StringWriter output = new(), error = new();
        return ((ExitCode)await CommandLineRunner.RunAsync(arguments, output, error), output.ToString(), error.ToString());
    }

    private static string Kind(JsonNode node) => Text(node, "/kind");

    private static string Name(JsonNode node) => Text(node, "/metadata/name");

    private static JsonNode Of(JsonNode[] objects, string kind) => objects.Single(o => Kind(o) == kind);

    private static string Text(JsonNode node, string path) => At(node, path)!.GetValue<string>();

    private static JsonNode? At(JsonNode node, string path)
    {
        JsonNode? at = node;
        foreach (var segment in path.TrimStart('/').Split('/')) at = at is JsonArray list ? list[int.Parse(segment, System.Globalization.CultureInfo.InvariantCulture)] : at?[segment];
        return at;
    }

    private sealed class TemporaryFile : IDisposable
    {
        public TemporaryFile(string text) => File.WriteAllText(Path, text);

        public string Path { get; } = System.IO.Path.Combine(System.IO.Path.GetTempPath(), $"culvert-{Guid.NewGuid():N}");

        public void Dispose() => File.Delete(Path);
    }
}
